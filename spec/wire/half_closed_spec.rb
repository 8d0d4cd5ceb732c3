# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/calls"

# Clients that close their side after the last request, as `nc -N` and some probes do, and read on for the answers.
RSpec.describe "A client that has closed its side", :native do
  let(:callee) { udp_peer }
  let(:requests) { mailbox }

  def start(&)
    start_oversip(&)
    OverSIP::Testing.freeze
  end

  # Whether the client's system has taken the answers is looked at again and again, by the clock.
  def expect_end
    eventually do
      OverSIP::Testing.advance(0.01)
      OverSIP.stats[:connections].zero?
    end
  end

  it "gets the answer of the script, then the connection ends" do
    start { |request| request.reply 200 }
    peer = tcp_peer
    peer.send_text(peer.build(:OPTIONS, "sip:own.example"))
    peer.socket.close_write
    expect(peer.receive.status).to eq(200)
    expect(peer).to be_closed_by_peer
    expect_end
  end

  def half_closed_relay(method, count: 1)
    start { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", callee.port) }
    peer = tcp_peer
    count.times { peer.send_text(peer.build(method, "sip:bob@b.example")) }
    peer.socket.close_write
    [peer, *Array.new(count) { callee.receive }]
  end

  it "gets the answers that are relayed to it, in any order, and the connection lives until the last one" do
    peer, *relayed = half_closed_relay(:MESSAGE, count: 3)
    relayed.reverse_each do |request|
      eventually { OverSIP.stats[:connections] == 1 }
      callee.answer(request, 200)
      expect(peer.receive_final.header("Call-ID")).to eq(request.header("Call-ID"))
    end
    expect(peer).to be_closed_by_peer
    expect_end
  end

  it "gets provisional and final responses to an INVITE" do
    peer, invite = half_closed_relay(:INVITE)
    callee.answer(invite, 180)
    peer.receive_until { |message| message.status == 180 }
    callee.answer(invite, 486)
    expect(peer.receive_final.status).to eq(486)
    expect(peer).to be_closed_by_peer
  end

  it "gets the answer to a CANCEL that came last" do
    start { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", callee.port) }
    peer = tcp_peer
    invite = peer.send_text(peer.build(:INVITE, "sip:bob@b.example"))
    relayed = callee.receive
    callee.answer(relayed, 180)
    peer.receive_until { |message| message.status == 180 }
    peer.send_text(peer.companion(invite, :CANCEL))
    peer.socket.close_write
    expect(peer.receive_final.status).to eq(200)
    callee.receive_until { |message| message.method_name == "CANCEL" }
    callee.answer(relayed, 487)
    expect(peer.receive_final.status).to eq(487)
    expect(peer).to be_closed_by_peer
  end

  it "gets the 400 to a request that cannot be read" do
    start
    peer = tcp_peer
    peer.send_text(peer.build(:OPTIONS, "sip:own.example").sub("Max-Forwards: 70", "Max-Forwards: many"))
    peer.socket.close_write
    expect(peer.receive.status).to eq(400)
    expect(peer).to be_closed_by_peer
  end

  it "is closed when its transaction ends without an answer" do
    peer, = half_closed_relay(:MESSAGE)
    engine_caught_up
    OverSIP::Testing.advance(33)
    expect(peer).to be_closed_by_peer
    expect_end
  end

  it "is closed when on_request neither answers nor routes its request" do
    start { |request| requests << request }
    peer = tcp_peer
    peer.send_text(peer.build(:OPTIONS, "sip:own.example"))
    peer.socket.close_write
    requests.pop
    expect(peer).to be_closed_by_peer
    expect(peer.received).to be_empty
  end

  it "gets no further request: its flow has ended, and requests that wait for its answer fail at once" do
    held = mailbox
    start do |request|
      if request.sip_method == :REGISTER
        request.create_transaction
        held << request
      else
        OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", requests.pop, :tcp)
      end
    end
    peer = tcp_peer
    peer.send_text(peer.build(:REGISTER, "sip:own.example"))
    register = held.pop
    requests << peer.port
    caller = udp_peer
    call_from(caller, :MESSAGE)
    expect(peer.receive.method_name).to eq("MESSAGE")
    peer.socket.close_write
    expect(caller.receive_final.first_line).to eq("SIP/2.0 500 Connection Error")
    OverSIP.schedule { register.reply 200 }
    expect(peer.receive_final.then { |final| [final.status, final.header("CSeq")] }).to eq([200, "1 REGISTER"])
    expect(peer).to be_closed_by_peer
  end

  it "is closed with all others when OverSIP stops" do
    start do |request|
      request.create_transaction
      requests << request
    end
    peer = tcp_peer
    peer.send_text(peer.build(:OPTIONS, "sip:own.example"))
    peer.socket.close_write
    requests.pop
    engine_caught_up
    OverSIP.stop(timeout: 0)
    expect(peer).to be_closed_by_peer
  end
end
