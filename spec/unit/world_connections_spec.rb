# frozen_string_literal: true

require "support/simulated_world"

# What a script does with connections works in a world as in a server.
RSpec.describe OverSIP::Engine::World, "and its script's connections" do
  include SimulatedWorld

  let(:listeners) { [[:udp, "10.0.0.1", 5060], [:tcp, "10.0.0.1", 5060]] }
  let(:element) { "10.0.0.1:5060" }
  let(:connections) { [] }

  before do
    connections = self.connections
    allow(OverSIP::SipEvents).to receive(:on_request) do |request|
      connections << request.connection
      request.reply(200)
    end
  end

  # A world in which Alice's request has come over TCP.
  def with_request
    in_world(listeners:) do |world|
      alice = world.add_peer("alice", :tcp, "10.0.1.1:5060")
      world.send_bytes(alice, request(method: "OPTIONS", via: "TCP 10.0.1.1:5060"), element)
      run(world, 0)
      yield world, alice, connections.last
    end
  end

  it "are one object as long as they live" do
    with_request do |world, alice, connection|
      connection.cvars[:user] = "alice"
      world.send_bytes(alice, request(method: "OPTIONS", via: "TCP 10.0.1.1:5060", branch: "z9hG4bK2"), element)
      run(world, 0)
      expect(connections.last).to equal(connection)
      expect(connection).to be_open
      expect(connection).to have_attributes(connected: true, remote_ip: "10.0.1.1", cvars: { user: "alice" })
      world.disconnect(alice, element)
      run(world, 0)
      expect(connection).not_to be_open
    end
  end

  it "have flow tokens that name them until they end" do
    with_request do |world, alice, connection|
      token = connection.outbound_flow_token
      expect(OverSIP::Engine.flow?(token)).to be(true)
      world.disconnect(alice, element)
      run(world, 0)
      expect(OverSIP::Engine.flow?(token)).to be(false)
      expect(connection.outbound_flow_token).to be_nil
    end
  end

  it "send what the script says, and are closed by it" do
    with_request do |world, alice, connection|
      expect(connection.send_sip_msg("\r\n\r\n")).to be(true)
      expect(connection.close).to be(true)
      told = run(world, 0)
      expect(told.map { |event| event.values_at(0, 1, -1) }).to eq([[:message, alice, "\r\n\r\n"], [:connection_ended, alice, element]])
      expect(connection.send_sip_msg("late")).to be(false)
    end
  end

  it "of UDP send from the listener" do
    in_world(listeners:) do |world|
      alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
      socket = OverSIP::Engine.udp_connection(:ipv4)
      expect(socket.send_sip_msg("hello", "10.0.1.1", 5060)).to be(true)
      expect(run(world)).to eq([[:message, alice, :udp, element, "10.0.1.1:5060", "hello"]])
    end
  end

  it "are counted, with what else the element has" do
    with_request { expect(OverSIP.stats).to include(connections: 1, requests: 1, dispatcher_queue: 0) }
  end

  it "know the names of the listeners" do
    in_world(listeners:) { expect(OverSIP::Engine.local_aliases).to include("10.0.0.1") }
  end
end
