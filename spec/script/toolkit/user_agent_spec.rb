# frozen_string_literal: true

require "support/toolkit_world"

# Personas as user agents of RFC 3261.
RSpec.describe OverSIP::Testing::Persona, :native do
  include ToolkitWorld

  let(:bob) { "sip:bob@example.com" }

  # The messages that somebody has sent, without those that came again.
  def sent_by(name, sip_method)
    world.messages.select { |message| message.sender == name && message.sip_method == sip_method && !message.retransmission? }
  end

  # The script sends a call to two targets that may both answer.
  def fork(request, *targets)
    targets.each { |target| OverSIP::SIP::Proxy.new.route(request, target) }
  end

  describe "who is called" do
    it "takes the ACK of each branch for its own INVITE (RFC 3261 17.1.1.3, 13.2.2.4)" do
      open_world do |request|
        next relay(request) unless request.sip_method == :INVITE

        phone = OverSIP::SIP::Proxy.new
        phone.on_failure_response do |response|
          phone.drop_response response
          request.set_header "X-Voicemail", "1"
          OverSIP::SIP::Proxy.new.route(request, "example.com")
        end
        phone.route(request, "example.com")
      end
      pbx = world.target("example.com")
      pbx.answers { |request| request.header("X-Voicemail") ? 200 : 486 }
      alice.invite(bob)
      world.advance 10
      expect(pbx.calls.map { |call| [call.status, call.acknowledged?] }).to eq([[486, true], [200, true]])
      expect(pbx.received.count { |message| message.sip_method == :ACK }).to eq(2)
      expect(world.messages.count { |message| message.sender == "example.com" && message.status_code == 200 }).to eq(1)
    end

    it "answers a CANCEL with the To tag of the call (RFC 3261 9.2)" do
      phone = world.target("example.com")
      phone.answers 180
      alice.invite(bob).cancel
      answers = world.messages.select { |message| message.sender == "example.com" }
      expect(answers.map(&:status_code)).to eq([180, 200, 487])
      expect(answers.map { |message| message.header("to") }.uniq.size).to eq(1)
    end
  end

  describe "who calls" do
    it "counts on in a dialog that a 2xx confirms (RFC 3261 12.2.1.1)" do
      phone = world.target("example.com")
      phone.answers(183, 200).after(2)
      call = alice.invite(bob)
      early = call.dialog
      2.times { call.request(:UPDATE) }
      world.advance 2
      call.info
      call.hang_up
      expect(call.dialog).to equal(early)
      expect(phone.received.map { |message| message.header("cseq") })
        .to eq(["1 INVITE", "2 UPDATE", "3 UPDATE", "1 ACK", "4 INFO", "5 BYE"])
    end

    it "computes the route set anew from the 2xx (RFC 3261 13.2.2.4)" do
      phone = world.target("example.com")
      phone.answers(183, 200).after(2)
      phone.answers { |_| [183, { contact: "<sip:early@192.0.2.1>" }] }
      call = alice.invite(bob)
      expect(call.dialog.remote_target).to eq("sip:early@192.0.2.1")
      phone.calls.last.answer(200, contact: "<sip:late@192.0.2.1>")
      expect(call.dialog.remote_target).to eq("sip:late@192.0.2.1")
    end

    it "sends the ACK of its own again when the 2xx comes again (RFC 3261 13.2.2.4)" do
      phone = world.target("example.com")
      call = alice.invite(bob, auto_ack: false)
      world.loss 1
      call.ack(x_own: "1")
      world.loss 0
      world.advance 2
      expect(phone.calls.last).to be_acknowledged
      expect(phone.received.last.header("X-Own")).to eq("1")
      expect(sent_by("alice", :ACK).size).to eq(1)
    end

    it "sends no ACK without `ack`, however often the 2xx comes" do
      world.target("example.com")
      alice.invite(bob, auto_ack: false)
      world.advance 5
      expect(sent_by("alice", :ACK)).to be_empty
    end

    it "acknowledges a 2xx of another one, and ends its dialog (RFC 3261 13.2.2.4)" do
      open_world { |request| request.initial? ? fork(request, "gw1.example", "gw2.example") : relay(request) }
      targets = [gateway, world.target("gw2.example")]
      targets.each { |target| target.answers(180, 200).after(1) }
      call = alice.invite(bob)
      world.advance 1
      expect(targets.map { |target| target.received.map(&:sip_method).last(2) }).to contain_exactly(%i[INVITE ACK], %i[ACK BYE])
      expect(call.dialogs.size).to eq(2)
      expect(call.answered_by).to eq(targets.find { |target| target.received.last.sip_method == :ACK }.name)
    end

    it "acknowledges what `request(:INVITE)` has begun, and can go on in it" do
      phone = world.target("example.com")
      call = alice.request(:INVITE, bob, auto_ack: true)
      expect([phone.calls.last.acknowledged?, call.hang_up.status]).to eq([true, 200])
    end

    it "sends an ACK once, with the number of the INVITE" do
      phone = world.target("example.com")
      call = alice.invite(bob)
      ack = call.request(:ACK)
      world.advance 33
      expect([world.messages.count { |message| message.sender == "alice" && message.sip_method == :ACK }, ack.timed_out?]).to eq([2, false])
      expect(phone.calls.last.dialog.remote_tag).to eq(call.dialog.local_tag)
      expect(ack.request.header("cseq")).to eq("1 ACK")
    end
  end

  it "has a Contact in what makes a dialog, and none in MESSAGE, INFO and BYE" do
    phone = world.target("example.com")
    alice.message(bob)
    call = alice.invite(bob)
    call.info
    call.hang_up
    contacts = ->(messages) { messages.to_h { |message| [message.sip_method, !message.header("contact").nil?] } }
    expect(contacts.call(phone.received)).to eq(MESSAGE: false, INVITE: true, ACK: false, INFO: false, BYE: false)
    expect(contacts.call(alice.responses)).to eq(MESSAGE: false, INVITE: true, INFO: false, BYE: false)
  end

  it "registers with one Call-ID for each registrar, and counts (RFC 3261 10.2)" do
    world.target("example.com")
    exchanges = [alice.register, alice.register(expires: 0), alice.register("sip:other.example"), alice.register]
    numbers = exchanges.map { |exchange| [exchange.call_id, exchange.request.cseq] }
    expect(numbers.map(&:last)).to eq([1, 2, 1, 3])
    expect(numbers.map(&:first).values_at(0, 0, 2, 0)).to eq(numbers.map(&:first))
    expect(numbers.map(&:first).uniq.size).to eq(2)
  end
end
