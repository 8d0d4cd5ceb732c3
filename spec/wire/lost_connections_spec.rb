# frozen_string_literal: true

require_relative "../support/callbacks"

# Connections and datagrams that fail while requests wait for an answer (decided per transaction: RFC 3261 17.1.4, 18.4).
RSpec.describe "A request", :native do
  let(:seen) { mailbox }
  let(:alice) { udp_peer }
  let(:server) { tcp_server }

  def start(profile: {}, only: %i[error failure_response success_response], &destination)
    destination ||= -> { ["127.0.0.1", server.port, :tcp] }
    start_oversip(proxies: { default_proxy: profile }) do |request|
      request.loose_route
      record(OverSIP::SIP::Proxy.new, into: seen, only: only).route(request, *destination.call)
    end
    OverSIP::Testing.freeze
  end

  connection_error = [:error, 500, "Connection Error", :connection_error]

  describe "whose TCP connection is lost after it was written" do
    %i[INVITE MESSAGE].each do |method|
      it "is a Connection Error at once when no response came for the #{method}" do
        start
        call_from(alice, method)
        callee = server.accept
        callee.receive
        callee.close
        expect(alice.receive_final.first_line).to eq("SIP/2.0 500 Connection Error")
        expect(seen.all).to eq([connection_error])
        # The target was there: the next request may open another connection.
        expect(OverSIP.proxies[:default_proxy][:blacklist]).to be_empty
      end

      it "waits on when a provisional response has come for the #{method}, and takes the answer from another connection" do
        start
        call_from(alice, method)
        callee = server.accept
        request = callee.receive
        callee.answer(request, 183)
        alice.receive_until { |message| message.status == 183 } if method == :INVITE
        engine_caught_up
        callee.close
        eventually { OverSIP.stats[:connections].zero? }
        other = tcp_peer
        other.send_text(other.response(request, 200, "OK"))
        expect(alice.receive_final.status).to eq(200)
        expect(seen.all).to eq([[:success_response, 200]])
      end
    end

    it "tells every transaction that waits on it" do
      start
      3.times { call_from(alice, :MESSAGE) }
      callee = server.accept
      3.times { callee.receive }
      callee.close
      expect(Array.new(3) { alice.receive_final.status }).to eq([500] * 3)
    end

    it "is an error for those alone that went by it" do
      other = udp_peer
      targets = [["127.0.0.1", server.port, :tcp], ["127.0.0.1", other.port, :udp]]
      start { targets.shift }
      2.times { call_from(alice, :MESSAGE) }
      callee = server.accept
      callee.receive
      callee.close
      expect(alice.receive_final.status).to eq(500)
      other.answer(other.receive, 200)
      expect(alice.receive_final.status).to eq(200)
    end

    it "gets the ACK for its failure over a new connection when it was an INVITE with a provisional response" do
      start
      call_from(alice)
      callee = server.accept
      request = callee.receive
      callee.answer(request, 180)
      alice.receive_until { |message| message.status == 180 }
      callee.close
      other = tcp_peer
      other.send_text(other.response(request, 486, "Busy"))
      expect(alice.receive_final.status).to eq(486)
      expect(seen.all).to eq([[:failure_response, 486]])
    end
  end

  describe "that waits for a TCP connection" do
    it "shares it with others to the same target" do
      start
      3.times { call_from(alice, :MESSAGE) }
      callee = server.accept
      requests = Array.new(3) { callee.receive }
      requests.each { |request| callee.answer(request, 200) }
      expect(Array.new(3) { alice.receive_final.status }).to eq([200] * 3)
      expect(OverSIP.stats[:connections]).to eq(1)
    end

    it "fails with all others when it is refused" do
      dead = dead_port
      start { ["127.0.0.1", dead, :tcp] }
      calls = Array.new(3) { call_from(alice, :INVITE) }
      finals = Array.new(3) { alice.receive_final }
      expect(finals.map(&:status)).to eq([500] * 3)
      expect(calls.size).to eq(3)
    end

    it "uses one that the target has opened itself" do
      start_oversip
      caller = tcp_peer
      start_port = caller.port
      on_request { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", start_port, :tcp) }
      call_from(alice, :MESSAGE)
      expect(caller.receive.method_name).to eq("MESSAGE")
    end
  end

  describe "whose datagram cannot be delivered" do
    it "is a Connection Error when the port is closed, not a time-out" do
      dead = dead_port
      start { ["127.0.0.1", dead, :udp] }
      call_from(alice)
      expect(alice.receive_final.first_line).to eq("SIP/2.0 500 Connection Error")
      expect(seen.all).to eq([connection_error])
    end

    it "is 513 when it is too large for UDP" do
      callee = udp_peer
      start(profile: { udp_mtu: 0 }) { ["127.0.0.1", callee.port, :udp] }
      caller = tcp_peer
      caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example", body: "x" * 66_000))
      final = caller.receive_final
      expect(final.first_line).to eq("SIP/2.0 513 Message Too Large")
      expect(seen.all).to eq([[:error, 513, "Message Too Large", :message_too_large]])
      expect(OverSIP.proxies[:default_proxy][:blacklist]).to be_empty
    end

    it "is a Connection Error when the kernel has no way there" do
      # Nothing leaves the loopback interface from a socket that is bound to its address.
      start { ["240.0.0.1", 5060, :udp] }
      call_from(alice)
      expect(alice.receive_final.status).to eq(500)
      expect(seen.all).to eq([connection_error])
    end

    it "is an error for the transaction alone whose datagram came back" do
      dead = dead_port
      callee = udp_peer
      targets = [["127.0.0.1", callee.port, :udp], ["127.0.0.1", dead, :udp]]
      start { targets.shift }
      call_from(alice, :MESSAGE, call_id: "good")
      good = callee.receive
      call_from(alice, :MESSAGE, call_id: "bad")
      expect(alice.receive_final.then { |final| [final.status, final.header("Call-ID")] }).to eq([500, "bad"])
      callee.answer(good, 200)
      expect(alice.receive_final.then { |final| [final.status, final.header("Call-ID")] }).to eq([200, "good"])
    end

    it "is no error for a transaction with a provisional response" do
      callee = udp_peer
      start { ["127.0.0.1", callee.port, :udp] }
      call_from(alice)
      request = callee.receive
      port = callee.port
      callee.answer(request, 180)
      alice.receive_until { |message| message.status == 180 }
      callee.close
      opened.delete(callee)
      cancel_from(alice, alice.build(:INVITE, "sip:bob@b.example", branch: "z9hG4bKother")) # an exchange: the port is closed now
      back = udp_peer(port: port)
      back.answer(request, 200)
      expect(alice.receive_final.status).to eq(200)
    end
  end

  describe "that comes over a connection which OverSIP opened" do
    def opened_connection
      start(only: [])
      call_from(alice)
      callee = server.accept
      request = callee.receive
      callee.answer(request, 200)
      alice.receive_final
      callee
    end

    it "is a request like any other: answered on that connection, without a flow" do
      callee = opened_connection
      facts = mailbox
      on_request do |request|
        facts << [request.connection_outbound_flow_token, request.transport]
        request.reply(202)
      end
      callee.send_text(callee.build(:MESSAGE, "sip:alice@a.example"))
      expect(callee.receive_final.status).to eq(202)
      expect(facts.pop).to eq([nil, :tcp])
    end

    it "is record-routed by the local end of that connection" do
      callee = opened_connection
      callee.send_text(callee.build(:INVITE, "sip:alice@a.example"))
      on_request { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", alice.port, :udp) }
      callee.send_text(callee.build(:INVITE, "sip:alice@a.example"))
      request = alice.receive_until { |message| message.method_name == "INVITE" && message.request? }
      inner = request.headers("Record-Route").last
      local = callee.socket.remote_address.ip_port
      expect(inner).to match(/\A<sip:127\.0\.0\.1:#{local};transport=tcp;lr;ovid=\h{8};ovcode=\h{24}>\z/)
    end
  end
end
