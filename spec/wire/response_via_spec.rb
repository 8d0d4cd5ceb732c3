# frozen_string_literal: true

require "spec_helper"

# The top Via of a response is the one that its request left with (RFC 3261 18.1.2); what a Proxy sends on has another one
# below it (RFC 3261 16.7 step 3).
RSpec.describe "The Via values of a response", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  def dropped(reason)
    engine_caught_up
    OverSIP.stats[:dropped].fetch(reason)
  end

  def send_back(text)
    bob.send_text(text, oversip_port)
  end

  def with_sent_by(text, sent_by)
    text.sub(%r{(?<=^via: SIP/2\.0/UDP )[^;]+}, sent_by)
  end

  # The response without the caller's Via.
  def with_our_via_alone(request, status)
    vias, others = bob.response(request, status).lines.partition { |line| line.start_with?("via:") }
    [others.first, vias.first, *others.drop(1)].join
  end

  describe "to a Proxy's request" do
    it "are as they left with the request in what goes upstream" do
      start_relay_to(bob)
      call_from(alice, :MESSAGE)
      send_back(bob.response(bob.receive, 200))
      expect(alice.receive_final.headers("Via").size).to eq(1)
      expect([dropped(:responses_to_another), dropped(:responses_without_way_back)]).to eq([0, 0])
    end

    { MESSAGE: [200, 404], INVITE: [180, 200, 486] }.each do |method, statuses|
      statuses.each do |status|
        it "have to name somebody upstream: a #{status} to #{method} with our Via alone is dropped" do
          start_relay_to(bob)
          call_from(alice, method)
          forwarded = bob.receive
          messages_at(alice)
          send_back(with_our_via_alone(forwarded, status))
          expect(dropped(:responses_without_way_back)).to eq(1)
          expect(messages_at(alice)).to be_empty
          send_back(bob.response(forwarded, status))
          expect(alice.receive_until { |answer| answer.status != 100 }.status).to eq(status)
        end
      end
    end

    it "may be ours alone in a 100, which ends here, and in the answer to a CANCEL" do
      start_relay_to(bob)
      invite = call_from(alice)
      send_back(with_our_via_alone(forwarded = bob.receive, 100))
      engine_caught_up
      OverSIP::Testing.advance(10)
      engine_caught_up
      expect(messages_at(bob)).to be_empty
      cancel_from(alice, invite)
      bob.answer(bob.receive, 200)
      bob.answer(forwarded, 487)
      expect(final_for(alice).status).to eq(487)
      expect(dropped(:responses_without_way_back)).to eq(0)
    end

    { "another host" => ->(ours) { ours.sub(/\A[\d.]+/, "192.0.2.7") }, "another port" => ->(ours) { ours.sub(/\d+\z/, "9") },
      "no port" => ->(ours) { ours.sub(/:\d+\z/, "") } }.each do |what, change|
      it "are another's with #{what}, though the branch is ours: the response is dropped" do
        start_relay_to(bob)
        call_from(alice, :MESSAGE)
        forwarded = bob.receive
        ours = forwarded.header("Via")[/UDP ([^;]+)/, 1]
        send_back(with_sent_by(bob.response(forwarded, 200), change.call(ours)))
        expect(dropped(:responses_to_another)).to eq(1)
        expect(messages_at(alice)).to be_empty
        bob.answer(forwarded, 200)
        expect(alice.receive_final.status).to eq(200)
      end
    end

    it "name the advertised address, where there is one" do
      start_relay_to(bob, configuration: { sip: { advertised_ipv4: "203.0.113.5" } })
      call_from(alice, :MESSAGE)
      forwarded = bob.receive
      expect(forwarded.header("Via")).to include("UDP 203.0.113.5:#{oversip_port};")
      response = bob.response(forwarded, 200)
      send_back(with_sent_by(response, "127.0.0.1:#{oversip_port}"))
      expect(dropped(:responses_to_another)).to eq(1)
      expect(messages_at(alice)).to be_empty
      send_back(response)
      expect(alice.receive_final.status).to eq(200)
    end
  end

  it "are another's in a response to a Uac's request too, which may have our Via alone" do
    start_oversip
    OverSIP::Testing.freeze
    seen = mailbox
    uac = OverSIP::SIP::Uac.new
    uac.on_success_response { |response| seen << response.status_code }
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@#{bob.address}" }))
    request = bob.receive
    send_back(with_sent_by(bob.response(request, 202), "192.0.2.7:5060"))
    expect(dropped(:responses_to_another)).to eq(1)
    send_back(bob.response(request, 200))
    expect(seen.pop).to eq(200)
    expect(seen.all).to be_empty
  end
end
