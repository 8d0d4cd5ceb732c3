# frozen_string_literal: true

require_relative "../support/dialogs"

# Full queues refuse new requests; admitted requests are served to their end.
RSpec.describe "A full OverSIP", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:entered) { mailbox }

  def refusal(response)
    [response.status, response.reason, response.header("Retry-After")]
  end

  describe "whose queue of requests is bounded" do
    # The dispatcher stops in the first OPTIONS until the gate opens; other requests are routed to bob.
    def start_bounded(bound, &setup)
      start_relay_to(bob, configuration: { core: { max_queued_requests: bound } }) do |proxy, request|
        if request.sip_method == :OPTIONS
          entered << request.call_id
          gate.pop
        end
        setup&.call(proxy)
      end
    end

    # Keeps the dispatcher busy and its queue full.
    def fill(bound)
      texts = Array.new(bound + 1) do |index|
        text = call_from(alice, :OPTIONS)
        # The first one is in the script's hands; only the others are queued.
        entered.pop if index.zero?
        text
      end
      engine_caught_up
      texts
    end

    it "answers the next request 503 with Retry-After" do
      start_bounded(2)
      fill(2)
      carol = udp_peer
      call_from(carol)
      expect(refusal(carol.receive)).to match([503, "Service Unavailable", /\A\d+\z/])
      call_from(carol, :MESSAGE)
      expect(refusal(carol.receive)).to match([503, "Service Unavailable", /\A\d+\z/])
      gate.close
    end

    it "serves all that it has admitted" do
      start_bounded(2)
      admitted = fill(2).map { |text| SipText.new(text).header("Call-ID") }
      call_from(udp_peer, :OPTIONS)
      engine_caught_up
      gate.close
      expect(Array.new(3) { bob.receive.header("Call-ID") }).to eq(admitted)
      dispatcher_caught_up
      expect(messages_at(bob)).to be_empty
    end

    it "takes requests again when the queue has room" do
      start_bounded(1)
      fill(1)
      gate.close
      2.times { bob.receive }
      dispatcher_caught_up
      call_from(alice, :MESSAGE)
      expect(bob.receive.method_name).to eq("MESSAGE")
    end

    it "keeps room for requests of dialogs, and refuses those beyond it" do
      start_bounded(8)
      fill(8)
      carol = udp_peer
      call_from(carol)
      expect(carol.receive.status).to eq(503)
      byes = Array.new(2) { SipText.new(call_from(alice, :BYE, to_tag: "up")).header("Call-ID") }
      engine_caught_up
      expect(OverSIP.stats).to include(reserve_requests: 2, reserve_admissions: 2)
      call_from(carol, :BYE, to_tag: "up")
      expect(refusal(carol.receive)).to match([503, "Service Unavailable", /\A\d+\z/])
      gate.close
      expect(Array.new(11) { bob.receive.header("Call-ID") }.last(2)).to eq(byes)
      expect(OverSIP.stats).to include(reserve_requests: 0, reserve_admissions: 2)
    end

    it "keeps room for one request of a dialog at least" do
      start_bounded(1)
      fill(1)
      call_from(alice, :INVITE, to_tag: "up")
      engine_caught_up
      gate.close
      expect(bob.receive_until { |message| message.method_name == "INVITE" }).to be_request
    end

    it "absorbs a retransmission of an admitted request" do
      start_bounded(1)
      _, queued = fill(1)
      alice.send_text(queued, oversip_port)
      engine_caught_up
      expect(messages_at(alice)).to be_empty
      gate.close
    end

    it "answers a CANCEL and passes it on" do
      start_bounded(1)
      invite = call_from(alice)
      forwarded = bob.receive
      bob.answer(forwarded, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
      fill(1)
      expect(cancel_from(alice, invite).status).to eq(200)
      expect(bob.receive.method_name).to eq("CANCEL")
      gate.close
    end

    it "loses no response of a call that it has admitted" do
      start_bounded(1) { |proxy| proxy.on_success_response { |response| entered << response.status_code } }
      call_from(alice)
      forwarded = bob.receive
      fill(1)
      bob.answer(forwarded, 180, "Ringing")
      bob.answer(forwarded, 200, "OK")
      alice.receive_until { |message| message.status == 180 }
      engine_caught_up
      gate.close
      expect(final_for(alice).status).to eq(200)
      expect(entered.all).to include(200)
    end

    it "counts requests alone: the callbacks of admitted calls take no place" do
      start_bounded(1) { |proxy| proxy.on_provisional_response { entered << :provisional } }
      forwarded = Array.new(2) { call_from(alice) and bob.receive }
      fill(0)
      forwarded.each { |invite| bob.answer(invite, 180, "Ringing") }
      engine_caught_up
      carol = udp_peer
      call_from(carol, :MESSAGE)
      engine_caught_up
      expect(messages_at(carol)).to be_empty
      gate.close
      expect(bob.receive_until { |message| message.method_name == "MESSAGE" }).to be_request
    end
  end

  describe "whose transactions are bounded" do
    # A script that answers nothing until it is told to.
    def start_bounded(bound)
      start_oversip(configuration: { core: { max_transactions: bound } }) do |request|
        request.create_transaction
        entered << request
      end
      OverSIP::Testing.freeze
    end

    it "answers the next request 503 with Retry-After" do
      start_bounded(2)
      2.times { call_from(alice, :MESSAGE) and entered.pop }
      carol = udp_peer
      call_from(carol)
      expect(refusal(carol.receive)).to match([503, "Service Unavailable", /\A\d+\z/])
      dispatcher_caught_up
      expect(entered).to be_empty
    end

    it "keeps room for requests of dialogs, and refuses those beyond it" do
      start_bounded(8)
      8.times { call_from(alice, :MESSAGE) and entered.pop }
      carol = udp_peer
      call_from(carol)
      expect(carol.receive.status).to eq(503)
      expect(Array.new(2) { call_from(alice, :BYE, to_tag: "up") and entered.pop.sip_method }).to eq(%i[BYE BYE])
      engine_caught_up
      expect(OverSIP.stats).to include(reserve_transactions: 2, reserve_admissions: 2)
      call_from(carol, :INVITE, to_tag: "up")
      expect(refusal(carol.receive)).to match([503, "Service Unavailable", /\A\d+\z/])
      dispatcher_caught_up
      expect(entered).to be_empty
    end

    it "leaves the reserve empty as long as there is room" do
      start_bounded(2)
      call_from(alice, :BYE, to_tag: "up") and entered.pop
      engine_caught_up
      expect(OverSIP.stats).to include(server_transactions: 1, reserve_transactions: 0, reserve_admissions: 0)
    end

    it "brings the BYE of a call through, from either side, when new calls are refused" do
      # The call and the MESSAGE take two transactions each.
      start_bounded(4)
      on_request do |request|
        proxy = OverSIP::SIP::Proxy.new
        request.in_dialog? ? request.loose_route && proxy.route(request) : proxy.route(request, "127.0.0.1", bob.port)
      end
      invite, = call(alice, bob)
      call_from(alice, :MESSAGE)
      bob.receive_until { |message| message.method_name == "MESSAGE" }
      call_from(alice)
      expect(final_for(alice).status).to eq(503)
      exchange(bob, alice, callee_request(bob, :BYE, invite))
    end

    it "goes on with those that it has" do
      start_bounded(1)
      invite = call_from(alice)
      request = entered.pop
      alice.receive_until { |message| message.status == 100 }
      alice.send_text(invite, oversip_port)
      expect(alice.receive.status).to eq(100)
      expect(request.reply(486)).to be(true)
      expect(final_for(alice).status).to eq(486)
      alice.send_text(alice.companion(invite, :ACK), oversip_port)
      engine_caught_up
      expect(request.server_transaction.state).to eq(:confirmed)
    end

    it "counts client transactions as well: forwarded requests without an answer" do
      start_relay_to(bob, configuration: { core: { max_transactions: 3 } })
      call_from(alice, :MESSAGE)
      bob.receive
      call_from(alice, :MESSAGE)
      bob.receive
      engine_caught_up
      expect(OverSIP.stats.slice(:server_transactions, :client_transactions)).to eq(server_transactions: 2, client_transactions: 2)
      carol = udp_peer
      call_from(carol, :MESSAGE)
      expect(refusal(carol.receive)).to match([503, "Service Unavailable", /\A\d+\z/])
    end

    it "takes requests again when a transaction has ended" do
      start_bounded(1)
      call_from(alice, :MESSAGE)
      entered.pop.reply(200)
      OverSIP::Testing.advance(32)
      call_from(alice, :OPTIONS)
      expect(entered.pop.sip_method).to eq(:OPTIONS)
    end
  end
end
