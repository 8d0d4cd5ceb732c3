# frozen_string_literal: true

# A script can be tried without sockets: a request from text answers to what stands in for its connection.
RSpec.describe "A request that did not come from the network", :native do
  # Keeps the sent messages.
  let(:connection) do
    Class.new do
      attr_reader :sent

      def send_sip_msg(text, ip, port)
        (@sent ||= []) << [SipText.new(text), ip, port]
      end
    end.new
  end

  def request(method = :OPTIONS, via: "192.0.2.5:5072", lines: nil)
    text = "#{method} sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP #{via};branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\n" \
           "To: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 #{method}\r\n#{lines}\r\n"
    OverSIP::SIP::Request.parse(text).tap do |request|
      request.connection = connection
      request.source_ip = "192.0.2.6"
      request.source_port = 6000
    end
  end

  it "replies to its connection, with the address that a response over UDP goes to" do
    expect(request.reply(404)).to be true
    text, *address = connection.sent.first
    expect([text.first_line, address]).to eq ["SIP/2.0 404 Not Found", ["192.0.2.6", 5072]]
    expect(OverSIP::SIP::Tags.check_totag_for_sl_reply(text.to_tag)).to eq 0
    expect(text.header("Server")).to eq "OverSIP/#{OverSIP::VERSION}"
    request(via: "192.0.2.5").reply(404)
    expect(connection.sent.last.last).to eq 5060
  end

  it "says the product of the configuration, whether an engine runs or not" do
    OverSIP.configuration = OverSIP::Config.build(given: { core: { product: "Example/1" } }, scope: :loopback)
    request.reply(404)
    expect(connection.sent.last.first.header("Server")).to eq("Example/1")
  ensure
    OverSIP.configuration = nil
  end

  it "replies to the source port after fix_nat" do
    request.tap(&:fix_nat).reply(404)
    expect(connection.sent.first.last).to eq 6000
  end

  it "keeps its To tag for all replies but a 100 before them" do
    request = self.request
    [100, 180, 200, 100].each { |status| request.reply(status) }
    tags = connection.sent.map { |text, *| text.to_tag }
    expect([tags.first, tags.drop(1).uniq.size]).to eq [nil, 1]
  end

  it "replies to no ACK, and says so" do
    records = capture_log do
      expect(request(:ACK).reply(200)).to be false
      expect(request(:ACK).reply_full(OverSIP::SIP::Response.parse("SIP/2.0 202 Fine\r\n\r\n"))).to be false
    end
    expect(records.map { |record| [record.severity, record.body] })
      .to eq [[:error, "attempt to reply 200 to an ACK"], [:error, "attempt to reply 202 to an ACK"]]
    expect(connection.sent).to be_nil
  end

  it "replies nowhere without a connection" do
    bare = OverSIP::SIP::Request.parse("OPTIONS sip:a@b SIP/2.0\r\n\r\n")
    expect([bare.reply(200), bare.send_response("x"), bare.check_max_forwards(10)]).to eq [false, false, true]
  end

  it "sends whole responses and texts" do
    request = self.request
    expect(request.reply_full(OverSIP::SIP::Response.parse("SIP/2.0 200 Fine\r\nX-A: 1\r\n\r\n"))).to be true
    expect(request.send_response("SIP/2.0 486 Own\r\n\r\n")).to be true
    expect(connection.sent.map { |text, *| text.to_s })
      .to eq ["SIP/2.0 200 Fine\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n", "SIP/2.0 486 Own\r\n\r\n"]
    expect { request.send_response(:text) }.to raise_error(TypeError)
    expect { request.reply_full("SIP/2.0 200 OK") }.to raise_error(TypeError, /must be a OverSIP::SIP::Response/)
  end

  it "answers 483 at the end of its hops" do
    expect(request(lines: "Max-Forwards: 0\r\n").check_max_forwards(10)).to be false
    expect(connection.sent.first.first.first_line).to eq "SIP/2.0 483 Too Many Hops"
  end

  it "takes reason, header lines and body of a reply" do
    OverSIP::ScriptMistakes.reset
    said = capture_log { request.reply(480, "Gone fishing", ["Retry-After: 5", "no header line"], "body") }
    expect(said.map(&:body)).to contain_exactly(/\A"no header line" is no header line \("Name: value"\) and left out of a reply \(at /)
    expect(connection.sent.first.first.to_s).to include("SIP/2.0 480 Gone fishing\r\n", "\r\nContent-Length: 4\r\nRetry-After: 5\r\nServer: ")
    expect(connection.sent.first.first.to_s).to end_with("\r\n\r\nbody")
    request.reply(599, nil, nil, nil)
    expect(connection.sent.last.first.first_line).to eq "SIP/2.0 599 Reason Phrase Not Set"
  end

  it "has a reply_199 that is not for everybody" do
    expect { request.reply_199(nil) }.to raise_error(NoMethodError, /private/)
  end
end
