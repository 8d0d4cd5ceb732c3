# frozen_string_literal: true

require_relative "../support/relay_process"
require_relative "../support/sipp"
require_relative "../support/torture"

# Every torture message of RFC 4475 and RFC 5118 goes to `oversip --config-dir`, and what comes back is what
# tests/torture/table.txt says.
RSpec.describe "The torture messages", :native do
  include RelayProcess
  include Sipp

  let(:rows) { Torture.rows("rfc4475") + Torture.rows("rfc5118") }
  let(:callee) { Torture::Callee.new }

  after do
    close_sipp
    callee.close
  end

  # Every message goes to a relay that has not seen another one with the same top Via and method, which would be the same
  # transaction; and from an address of its own, since the port that the response has to go to is given by that Via.
  #
  # @yieldparam relay [RelayProcess::Relay]
  # @yieldparam rows [Array<Torture::Row>]
  def with_relays(rows)
    seen = Hash.new(0)
    batches = rows.group_by { |row| seen[[row.bytes[/^v(?:ia)?[ \t]*:.*/i], row.bytes[/\A\S+/]]] += 1 }
    batches.each_value do |batch|
      script = File.expand_path("../support/torture_server.rb", __dir__)
      running_relay(target: callee.address, script: script) { |relay| yield relay, batch }
    end
  end

  def address_of(row)
    "127.7.0.#{rows.index(row) + 1}"
  end

  def sipp_with(row, to:, answer:)
    sipp_caller("torture", to: to, calls: 1, ip: address_of(row), port: row.response_port, call_id: row.call_id,
                           words: { message: row.for_sipp, answer: answer })
  end

  def answer_for_sipp(row)
    return "" unless row.status

    %(<recv response="100" optional="true"/><recv response="#{row.status}"/>)
  end

  # Sends a message from a socket of its own.
  #
  # @yieldparam socket [UDPSocket] that is bound to where the answer goes
  def send_raw(row, to:)
    socket = UDPSocket.new
    socket.bind(address_of(row), row.response_port)
    socket.send(row.bytes, 0, "127.0.0.1", to)
    yield socket
  ensure
    socket.close
  end

  # @return [String] status and reason of the next final answer
  def final_answer(socket, limit: SipPeer::LIMIT)
    loop do
      socket.wait_readable(limit) or return "none"
      status = socket.recv(65_535)[%r{\ASIP/2.0 (\d+ [^\r]*)}n, 1]
      return status if status.to_i >= 200
    end
  end

  # What follows a message that gets no answer is answered next.
  def answer_to_next(socket, to:)
    id = SecureRandom.hex(8)
    socket.send("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK#{id};rport\r\nMax-Forwards: 0\r\n" \
                "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: #{id}\r\nCSeq: 1 OPTIONS\r\n\r\n", 0, "127.0.0.1", to)
    final_answer(socket)
  end

  it "get their answers when SIPp sends them" do
    with_relays(rows.select { |row| row.valid? && row.sent_by_sipp? }) do |relay, batch|
      batch.each_slice(8) do |some|
        runs = some.to_h { |row| [row, sipp_with(row, to: relay.port, answer: answer_for_sipp(row))] }
        aggregate_failures do
          runs.each { |row, run| expect([row.name, run.faults]).to eq([row.name, {}]), -> { "#{row.name}: #{run.explanation}" } }
        end
      end
    end
  end

  it "get their answers, or none, when a socket sends their bytes" do
    with_relays(rows) do |relay, batch|
      aggregate_failures do
        batch.each do |row|
          send_raw(row, to: relay.port) do |socket|
            answer = row.answer == "none" ? answer_to_next(socket, to: relay.port) : final_answer(socket)
            expected = row.answer == "none" ? "483 Too Many Hops" : row.answer
            expect("#{row.name} #{answer}").to start_with("#{row.name} #{expected}")
          end
        end
      end
    end
  end

  it "are sent by SIPp byte by byte" do
    relay = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
    aggregate_failures do
      rows.select(&:sent_by_sipp?).each_slice(8) do |some|
        some.each { |row| sipp_with(row, to: relay.addr[1], answer: "") }
        came = some.map { relay.wait_readable(SipPeer::LIMIT) && relay.recvfrom(65_535) }
        came = came.compact.to_h { |bytes, source| [source[3], bytes] }
        some.each { |row| expect([row.name, came[address_of(row)]]).to eq([row.name, row.bytes]) }
      end
    end
  ensure
    relay.close
  end
end
