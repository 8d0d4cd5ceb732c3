# frozen_string_literal: true

require "oversip/call_record"
require_relative "../../support/recorded_calls"

# What stands above the ladder of a call.
RSpec.describe OverSIP::CallRecord::Call do
  include RecordedCalls

  # A message of Alice's call through the element.
  def said(at, from, to, first_line, method: "INVITE", cseq: 1, to_tag: nil, call_id: "1", **others)
    callee = ["<sip:bob:secret@example.com>", *("tag=#{to_tag}" if to_tag)].join(";")
    fields = ["From: <sip:alice@example.com>;tag=a", "To: #{callee}", "Call-ID: #{call_id}", "CSeq: #{cseq} #{method}"]
    message(at, from, to, first_line, bytes: [first_line, *fields, "", ""].join("\r\n"), **others)
  end

  def summary(*events)
    call_record(*events).summaries.first
  end

  it "says who asked whom for what, who took part, and how long it took" do
    call = summary(said(1.0, :alice, :oversip, RecordedCalls::INVITE), said(1.0, :oversip, :alice, "SIP/2.0 100 Trying"),
                   said(1.1, :oversip, :gw1, RecordedCalls::INVITE), said(3.0, :gw1, :oversip, "SIP/2.0 180 Ringing"),
                   said(3.5, :oversip, :alice, "SIP/2.0 180 Ringing"), said(9.0, :gw1, :oversip, "SIP/2.0 200 OK"),
                   said(9.0, :oversip, :alice, "SIP/2.0 200 OK"), block(:on_success_response, at: 9.0, duration: 0.25))
    expect(call).to have_attributes(call_id: "1", sip_method: :INVITE, ruri: "sip:bob@example.com", from: "sip:alice@example.com",
                                    to: "sip:bob:secret@example.com", status: 200, reason_phrase: "OK", outcome: :success, failed?: false,
                                    began_at: 1.0, ended_at: 9.0, duration: 8.0, waiting_time: 2.5, slowest_block: 0.25, causes: [],
                                    parties: %w[alice oversip gw1.example])
  end

  it "is what the answer says, where nobody can read the request" do
    unreadable = said(1.0, :alice, :oversip, "INVITE a b c")
    expect(summary(unreadable)).to have_attributes(outcome: :pending, sip_method: nil)
    call = summary(unreadable, said(1.0, :oversip, :alice, "SIP/2.0 400 Syntax error in request line"))
    expect(call).to have_attributes(sip_method: :INVITE, from: "sip:alice@example.com", status: 400, reason_phrase: "Syntax error in request line",
                                    outcome: :failure, failed?: true, waiting_time: 0.0)
    expect(summary(unreadable, said(1.0, :oversip, :alice, "SIP/2.0 100 Trying"))).to have_attributes(status: nil, outcome: :pending)
  end

  it "waits up to the present in a record of a running server, but not for ever" do
    waiting = lambda do |now|
      record = OverSIP::CallRecord.new(now: now) << said(1.0, :alice, :oversip, RecordedCalls::INVITE) << said(1.5, :oversip, :alice, "SIP/2.0 100 Trying")
      [record, record.with_zero_at(1.0), record.select(last: 1)].map { |part| part.summaries.first.waiting_time }.uniq
    end
    expect([waiting.call(nil), waiting.call(31.0), waiting.call(1.0), waiting.call(1000.0)]).to eq [[0.5], [30.0], [0.5], [0.5]]
    expect(summary(said(1.0, :alice, :oversip, RecordedCalls::INVITE), said(3.0, :oversip, :alice, "SIP/2.0 486 Busy Here")).waiting_time).to eq 2.0
  end

  it "is a call to whom it was sent on as well, but not to the contacts of its dialog" do
    call = summary(said(0.0, :alice, :oversip, RecordedCalls::INVITE), said(0.0, :oversip, :gw1, "INVITE sip:4930100@example.com SIP/2.0"),
                   said(1.0, :alice, :oversip, "BYE sip:desk7@192.0.2.1 SIP/2.0", method: "BYE", cseq: 2, to_tag: "b"))
    expect(%w[bob 4930100 4930100@example.com desk7 alice].map { |user| call.to?(user) }).to eq [true, true, true, false, false]
  end

  it "has the causes of what went wrong on the way, each once" do
    call = failover.summaries.first
    expect(call.causes).to eq ["udp:192.0.2.1:5060: timeout", "Timer B ends the INVITE: no response"]
    failed = summary(said(0.0, :alice, :oversip, RecordedCalls::INVITE), block(:on_request, exception: ArgumentError.new("no \u202ename")),
                     said(0.0, :gw1, :oversip, "SIP/2.0 486 Busy Here"), said(0.0, :oversip, :alice, "SIP/2.0 486 Busy Here"),
                     said(0.0, :oversip, :alice, "SIP/2.0 500 \e[31m"))
    expect(failed.causes).to eq ['on_request server.rb:12 raised ArgumentError: no \u{202E}name', "486 Busy Here from gw1.example",
                                 '500 \x1B[31m from oversip']
    expect([failed.status, failed.outcome, failed.failed?]).to eq [500, :failure, true]
  end

  # Responses to Alice, and how the call has ended then.
  outcomes = {
    ["SIP/2.0 100 Trying"] => [nil, :pending], ["SIP/2.0 302 Moved"] => [302, :redirection], ["SIP/2.0 603 Decline"] => [603, :failure],
    ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"] => [200, :success], ["SIP/2.0 487 Request Terminated"] => [487, :failure]
  }
  outcomes.each do |responses, (status, outcome)|
    it "is #{outcome} after #{responses.join(", ")}" do
      call = summary(said(0.0, :alice, :oversip, RecordedCalls::INVITE), *responses.map { |line| said(1.0, :oversip, :alice, line) })
      expect([call.status, call.outcome]).to eq [status, outcome]
    end
  end

  describe "ended without a response" do
    def unanswered(at, branch: nil)
      OverSIP::CallRecord::Unanswered.new(at: at, call_id: "1", sip_method: :INVITE, branch: branch)
    end

    let(:invite) { said(0.0, :alice, :oversip, RecordedCalls::INVITE) }

    it "has failed, and its caller waits no longer" do
      record = OverSIP::CallRecord.new(now: 60.0) << invite << unanswered(0.5)
      call = record.summaries.first
      expect(call).to have_attributes(status: nil, outcome: :none, failed?: true, result: "no response", waiting_time: 0.5, duration: 0.5)
    end

    it "goes on when its caller sends the request again, and is answered by a response" do
      again = said(1.0, :alice, :oversip, RecordedCalls::INVITE)
      expect(summary(invite, unanswered(0.5), again).outcome).to eq :pending
      expect(summary(invite, unanswered(0.5), again, said(1.1, :oversip, :alice, "SIP/2.0 200 OK")).outcome).to eq :success
    end

    it "is not by the end of another request of the same Call-ID, nor by that of one of the element's own" do
      expect(summary(invite, unanswered(0.5, branch: "z9hG4bKother")).outcome).to eq :pending
      expect(summary(said(0.0, :oversip, :gw1, RecordedCalls::INVITE), unanswered(0.5)).outcome).to eq :pending
    end

    it "is seen in each form of the record" do
      record = OverSIP::CallRecord::Redaction.new.call(call_record(invite, unanswered(0.5)))
      expect(OverSIP::CallRecord::TextLadder.new(record).to_s).to include ": ends the INVITE without a response"
      call = OverSIP::CallRecord::Json.new(record).to_h["calls"].first
      expect([call["outcome"], call["events"].last]).to match ["none", a_hash_including("kind" => "unanswered", "method" => "INVITE")]
      expect(OverSIP::CallRecord::HtmlLadder.new(record).to_s).to include '<span class="status none">no response</span>'
    end
  end

  it "is cancelled by its caller's CANCEL" do
    call = summary(said(0.0, :alice, :oversip, RecordedCalls::INVITE), said(1.0, :alice, :oversip, "CANCEL sip:bob@example.com SIP/2.0", method: "CANCEL"),
                   said(1.0, :oversip, :alice, "SIP/2.0 487 Request Terminated"), OverSIP::CallRecord::Timer.new(at: 6.0, name: "K", call_id: "1"))
    expect([call.outcome, call.failed?, call.causes, call.duration]).to eq [:cancelled, false, [], 1.0]
  end

  it "takes the answer to the request that follows a challenge, and none to a request of the dialog" do
    call = summary(said(0.0, :alice, :oversip, RecordedCalls::INVITE), said(0.5, :oversip, :alice, "SIP/2.0 407 Proxy Authentication Required"),
                   said(1.0, :alice, :oversip, RecordedCalls::INVITE, cseq: 2), said(4.0, :oversip, :alice, "SIP/2.0 200 OK", cseq: 2),
                   said(5.0, :alice, :oversip, RecordedCalls::INVITE, cseq: 3, to_tag: "b"),
                   said(9.0, :oversip, :alice, "SIP/2.0 488 Not Acceptable Here", cseq: 3, to_tag: "b"))
    expect([call.status, call.waiting_time]).to eq [200, 3.0]
  end

  it "has failed when the last refresh of a registration has" do
    call = summary(*[[1, "200 OK"], [2, "403 Forbidden"]].flat_map do |cseq, answer|
      [said(0.0, :alice, :oversip, "REGISTER sip:example.com SIP/2.0", method: "REGISTER", cseq: cseq),
       said(0.1, :oversip, :alice, "SIP/2.0 #{answer}", method: "REGISTER", cseq: cseq)]
    end)
    expect([call.status, call.failed?]).to eq [403, true]
  end

  it "has failed when no target answers a request of the element itself" do
    tried = attempt("udp:192.0.2.1:5060", :timeout)
    call = summary(tried, said(0.0, :oversip, :gw1, RecordedCalls::INVITE))
    expect([call.status, call.outcome]).to eq [nil, :failure]
    tried.outcome = nil
    expect(call.outcome).to eq :pending
  end

  it "waits for what was lost" do
    call = summary(said(0.0, :alice, :oversip, RecordedCalls::INVITE), said(1.0, :oversip, :alice, "SIP/2.0 200 OK", fate: :lost),
                   said(1.5, :oversip, :alice, "SIP/2.0 200 OK"))
    expect(call.waiting_time).to eq 1.5
  end

  it "reads what is malformed as far as it goes" do
    call = summary(message(0.0, :alice, :oversip, "INVITE", bytes: "INVITE x SIP/2.0\r\nCall-ID: 1\r\nFrom: \xff\xfe\r\nCSeq: nonsense\r\n\r\n"),
                   message(0.1, :oversip, :alice, "SIP/2.0 400 \xff", bytes: "SIP/2.0 400 \xff\r\nCall-ID: 1\r\n\r\n"))
    expect(call).to have_attributes(from: nil, to: nil, ruri: "x", status: nil, outcome: :pending, waiting_time: 0.1, causes: ['400 \xFF from oversip'])
    expect(summary(block(:on_error))).to have_attributes(sip_method: nil, parties: [], outcome: :pending, duration: 0.0)
  end

  describe "chosen from a record" do
    let(:record_of_three) do
      call_record(said(0.0, :alice, :oversip, RecordedCalls::INVITE), said(3.0, :oversip, :alice, "SIP/2.0 486 Busy Here"), note("of all", at: 3.0),
                  said(4.0, :alice, :oversip, "OPTIONS sip:carol@example.com SIP/2.0", method: "OPTIONS", call_id: "2"),
                  said(4.1, :oversip, :alice, "SIP/2.0 200 OK", method: "OPTIONS", call_id: "2"),
                  said(5.0, :alice, :oversip, "OPTIONS tel:+34600;phone-context=x SIP/2.0", method: "OPTIONS", call_id: "3"))
    end

    def chosen(**wishes, &)
      record_of_three.select(**wishes, &).summaries.map(&:call_id)
    end

    it "are those for which everything holds" do
      expect([chosen, chosen(failed: true), chosen(failed: false), chosen(slow: 2), chosen(last: 2), chosen(last: 0)])
        .to eq [%w[1 2 3], %w[1], %w[2 3], %w[1], %w[2 3], []]
      expect([chosen(to: "bob"), chosen(to: "carol"), chosen(to: "carol@example.com"), chosen(to: "+34600"), chosen(to: "Bob")])
        .to eq [%w[1 2 3], %w[2], %w[2], %w[3], []]
      expect([chosen(to: "bob", last: 1, failed: true), chosen(call_id: "2"), chosen { |call| call.status.nil? }]).to eq [%w[1], %w[2], %w[3]]
    end

    it "come with the notes that belong to no call" do
      expect(record_of_three.select(call_id: "2").events.map(&:at)).to eq [3.0, 4.0, 4.1]
    end

    wrong = [{ call_id: :one }, { failed: "yes" }, { to: 12 }, { last: 1.5 }, { last: -1 }, { slow: "2s" }, { slow: -1 }, { slow: Complex(1, 1) }]
    wrong.each do |wishes|
      it "are not chosen by #{wishes}" do
        expect { chosen(**wishes) }.to raise_error(/#{wishes.keys.first} (?:has to|must) be/)
      end
    end
  end
end
