# frozen_string_literal: true

require "spec_helper"

# A script may show the callee another From and To; the caller gets its own back.
RSpec.describe "From and To that a script changed", :native do
  let(:caller) { udp_peer }
  let(:callee) { udp_peer }

  def relay(blocks:, &change)
    start_oversip do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_success_response { |response| response } if blocks
      change.call(request, proxy)
      proxy.route(request, callee.ip, callee.port)
    end
  end

  def exchange(request)
    caller.send_text(request, oversip_port)
    seen = callee.receive
    callee.answer(seen, 200, to_tag: "b1")
    [seen, caller.receive_final]
  end

  [false, true].each do |blocks|
    context blocks ? "with a block that looks at the response" : "without blocks" do
      it "come back to the caller as it sent them, with the callee's tag" do
        relay(blocks: blocks) do |request, _|
          request.from.user = "hidden"
          request.to.user = "other"
        end
        seen, answer = exchange(caller.build(:MESSAGE, "sip:bob@#{caller.address}"))
        expect(seen.header("From")).to match(/<sip:hidden@a\.example>;tag=from-/)
        expect(seen.header("To")).to eq("<sip:other@b.example>")
        expect(answer.header("From")).to match(/\A"Alice" <sip:alice@a\.example>;tag=from-/)
        expect(answer.header("To")).to eq("<sip:bob@b.example>;tag=b1")
      end

      it "have one tag within a dialog" do
        relay(blocks: blocks) { |request, _| request.to.user = "other" }
        _, answer = exchange(caller.build(:INFO, "sip:bob@#{caller.address}", to_tag: "b1"))
        expect(answer.header("To")).to eq("<sip:bob@b.example>;tag=b1")
      end

      it "come back also when they were changed in on_target" do
        relay(blocks: blocks) { |request, proxy| proxy.on_target { request.from.user = "late" } }
        seen, answer = exchange(caller.build(:MESSAGE, "sip:bob@#{caller.address}"))
        expect(seen.header("From")).to include("<sip:late@a.example>")
        expect(answer.header("From")).to include("<sip:alice@a.example>")
      end
    end
  end
end
