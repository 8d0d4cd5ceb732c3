# frozen_string_literal: true

require "socket"
require_relative "../support/scripted_dns"

# The name server of the specs: its answers must not depend on the version of Ruby's resolver.
RSpec.describe ScriptedDns do
  let(:server) { described_class.new({ "one.example" => [{ naptr: [10, 20, "s", "SIP+D2U", "_sip._udp.one.example"] }, "127.0.0.2"] }) }
  let(:socket) { UDPSocket.new }

  after { [server, socket].each(&:close) }

  # @return [Array<Integer>] the types of the answers
  def answers(type)
    question = Resolv::DNS::Message.new(7).tap { |message| message.add_question("one.example.", type) }
    host, port = server.address.split(":")
    socket.send(question.encode, 0, host, port)
    expect(socket.wait_readable(20)).to be_truthy
    Resolv::DNS::Message.decode(socket.recv(4096)).answer.map { |_, _, record| record.class::TypeValue }
  end

  # Newer versions of Resolv make a class at each look at a type that they do not know.
  def another_class(type)
    verbose = $VERBOSE
    $VERBOSE = nil
    Resolv::DNS::Resource::Generic.create(type, 1)
  ensure
    $VERBOSE = verbose
  end

  it "tells types by their numbers" do
    server
    naptr = another_class(35)
    expect(naptr).not_to eq(ScriptedDns::NAPTR)
    expect(answers(naptr)).to eq([35])
    expect(answers(Resolv::DNS::Resource::IN::A)).to eq([1])
    expect(server.asked).to eq(["one.example NAPTR", "one.example A"])
  end
end
