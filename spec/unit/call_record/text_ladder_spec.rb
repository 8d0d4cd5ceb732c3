# frozen_string_literal: true

require "oversip/call_record"
require "stringio"
require_relative "../../support/recorded_calls"

RSpec.describe OverSIP::CallRecord::TextLadder do
  include RecordedCalls

  def ladder(*events, **options)
    described_class.new(call_record(*events), **options).to_s
  end

  it "draws a failover for a terminal of 80 columns" do
    expect(described_class.new(failover).to_s).to eq <<TEXT
 time (s)  alice             oversip           gw1.example       gw2.example
           198.51.100.1:5060 192.0.2.100:5060  192.0.2.1:5060    192.0.2.2:5060
    0.000  |---- INVITE ---->|                 |                 |
    0.000  |                 * on_request INVITE sip:bob@examp.. (server.rb:12)
    0.000  |                 : DNS: sip:example.com -> udp:192.0.2.1:5060,
           |                 |  udp:192.0.2.2:5060               |
    0.000  |                 : tries gw1.example udp:192.0.2.1:5060: timeout
    0.000  |<-- 100 Trying --|                 |                 |
    0.000  |                 |-- INVITE x7 --->|                 |
 ..31.500  |                 |                 |                 |
   32.000  |                 : Timer B ends the INVITE: no response
   32.000  |                 * on_error 408 Request Timeout (client_timeout)
           |                 |  (server.rb:12) |                 |
   32.000  |                 : tries gw2.example udp:192.0.2.2:5060: 200
   32.000  |                 |--- INVITE sip:bob@example.com --->|
   32.100  |                 |<---------- 180 Ringing -----------|
   32.100  |x--- 180 lost ---|                 |                 |
   34.000  |                 |<------------- 200 OK -------------|
   34.000  |<---- 200 OK ----|                 |                 |
TEXT
  end

  it "takes the width of a terminal, and 80 columns where there is none" do
    terminal = Struct.new(:tty?, :winsize).new(true, [24, 120])
    expect(described_class.new(failover, width: terminal).to_s).to eq described_class.new(failover, width: 120).to_s
    [StringIO.new, terminal.class.new(true, [0, 0])].each do |stream|
      expect(described_class.new(failover, width: stream).to_s).to eq described_class.new(failover).to_s
    end
  end

  it "keeps to the width, whatever it is" do
    [40, 56, 80, 100, 200].each do |width|
      expect(described_class.new(failover, width: width).to_s.lines.map { |line| line.chomp.size }).to all(be <= width)
    end
  end

  it "lists messages where lanes have no room" do
    expect(ladder(message(0.0, :alice, :oversip), block(:on_error), width: 30)).to eq <<TEXT
    0.000  alice -> oversip: INVITE
             sip:bob@example.com
    0.000  oversip * on_error
             (server.rb:12)
TEXT
  end

  it "folds retransmissions into the first message" do
    text = ladder(*[0.0, 0.5, 1.5, 3.5].map { |at| message(at, :oversip, :gw1) }, width: 100)
    expect(text.scan("INVITE")).to eq ["INVITE"]
    expect(text).to include("INVITE sip:bob@example.com x4, last at 3.5 s")
    expect(ladder(message(0.0, :alice, :oversip), *[0.0, 0.5].map { |at| message(at, :oversip, :gw1) })).to include("-- INVITE x2 until 0.5 -->")
  end

  it "shows what is sent again after a CANCEL or a final response behind it" do
    ringing = "SIP/2.0 180 Ringing"
    copies = [0.0, 5.0, 21.0, 22.0].map { |at| message(at, :gw1, :oversip, ringing) }
    cancel = message(20.0, :oversip, :gw1, "CANCEL sip:bob@example.com SIP/2.0")
    text = ladder(*copies.first(2), cancel, *copies.drop(2), width: 100)
    expect(text.scan(/\d+\.000 .*180 Ringing.*?(?= -)/)).to match [/\A0\.000 .* x2, last at 5 s/, /\A21\.000 .* again x2, last at 22 s/]
    answer = message(20.0, :gw1, :oversip, "SIP/2.0 487 Request Terminated")
    expect(ladder(*copies.first(2), answer, *copies.drop(2), width: 100).scan("180 Ringing").size).to eq(2)
  end

  it "folds a final response that is sent again, and what others have sent in between" do
    answers = [0.0, 0.5, 1.5].flat_map { |at| [message(at, :gw1, :oversip, "SIP/2.0 200 OK"), message(at, :oversip, :gw1, "ACK sip:bob@example.com SIP/2.0")] }
    text = ladder(*answers.first(3), message(0.6, :gw2, :oversip, "SIP/2.0 486 Busy Here"), *answers.drop(3), width: 140)
    expect(text).to include("200 OK x3, last at 1.5 s").and include("ACK sip:bob@example.com x3, last at 1.5 s")
  end

  it "tells below the arrow when the last one was, where the arrow has no room for it" do
    text = ladder(message(0.0, :alice, :oversip), *[0.0, 31.5].map { |at| message(at, :oversip, :gw1) },
                  *[1, 2].map { |number| message(32.0, :oversip, :"gw#{number}", "BYE sip:bob@example.com SIP/2.0") })
    expect(text).to match(/ 0\.000 .*INVITE x2 -.*\n *\.\.31\.500  \|[ |]*\n *32\.000/)
  end

  it "tells how often a message was lost before it arrived" do
    copies = [[0.0, :lost], [0.5, :lost], [1.5, :sent]].map { |at, fate| message(at, :oversip, :gw1, fate: fate) }
    expect(ladder(*copies, width: 100)).to match(/ 0\.000 .* x2, last at 0\.5 s lost -*x\|$/).and match(/ 1\.500 .* again -*>\|$/)
  end

  it "marks what does not arrive, or arrives twice" do
    text = ladder(message(0.0, :alice, :oversip, "OPTIONS sip:a@b SIP/2.0", fate: :lost), message(1.0, :oversip, :alice, "SIP/2.0 200 OK", fate: :refused),
                  message(2.0, :oversip, :alice, "SIP/2.0 200 Fine", fate: :repeated), message(3.0, :oversip, nil, "OPTIONS sip:b@c SIP/2.0"), width: 120)
    expect(text).to match(/ OPTIONS sip:a@b lost -+x\|/).and match(/\|x-+ 200 OK refused -/)
      .and match(/\|<-+ 200 Fine arrives twice -/).and match(/\|-+ OPTIONS sip:b@c nobody there -+x\|/)
    expect(text.lines.first).to match(/alice +oversip +udp:10\.1\.2\.3:5060$/)
  end

  it "shows blocks with their place, with what they raise, and with their duration where it is long" do
    raised = block(:on_error, subject: "408 Request Timeout", duration: 0.123, exception: ArgumentError.new("\nexpected: 1\n     got: 2\n"))
    expect(ladder(block(:on_request, subject: "BYE sip:a@b", duration: 0.09))).to match(/ \* on_request BYE sip:a@b \(server\.rb:12\)$/)
    expect(ladder(raised)).to include(" * on_error 408 Request Timeout (server.rb:12, 123 ms)\n").and match(/\|  raised ArgumentError: expected: 1; got: 2$/)
  end

  it "shows what an exception without a message or with a strange one is" do
    strange = Class.new(StandardError) { def message = raise("never") }.new
    [RuntimeError.new(""), strange].each do |exception|
      expect(ladder(block(:on_request, exception: exception))).to match(/raised \S+$/)
    end
  end

  it "shows the timers that end a transaction, and no others" do
    timers = %w[A B C D E F G H I J K L M C2 INT1 CANCEL].map { |name| OverSIP::CallRecord::Timer.new(at: 1.0, name: name, sip_method: :INVITE) }
    expect(ladder(*timers).scan(/: (.*)$/).flatten).to eq [
      "Timer B ends the INVITE: no response", "Timer C ends the INVITE: no final response", "Timer F ends the INVITE: no final response",
      "Timer H ends the INVITE: no ACK", "the time to wait ends the INVITE: no final response after CANCEL"
    ]
  end

  it "shows targets with their outcome, unless their answer says it" do
    expect(ladder(attempt("udp:192.0.2.1:5060", 200))).to eq "nothing has happened\n"
    expect(ladder(attempt("udp:192.0.2.1:5060", nil))).to include(": tries udp:192.0.2.1:5060: waiting")
    tried = ladder(message(0.0, :oversip, :gw2), attempt("tcp:192.0.2.1:5060", :connection_error), attempt("udp:192.0.2.2:5060", 486), width: 120)
    waiting = ladder(attempt("udp:192.0.2.1:5060", nil), attempt("udp:192.0.2.2:5060", 486))
    expect(waiting.scan(/tries.*/)).to eq ["tries udp:192.0.2.1:5060: waiting", "tries udp:192.0.2.2:5060: 486"]
    expect(tried).to include(": tries tcp:192.0.2.1:5060: connection error").and include(": tries gw2.example udp:192.0.2.2:5060: 486")
  end

  it "shows look-ups, and notes at whom they are about" do
    text = ladder(message(0.0, :alice, :oversip), resolution("sip:example.com", "udp:192.0.2.1:5060"), resolution("sip:nowhere.example"),
                  note("alice waits", party: "alice"), note("it rains"), note("who?", party: "stranger"), width: 120)
    expect(text).to include(": DNS: sip:example.com -> udp:192.0.2.1:5060").and include("DNS: sip:nowhere.example -> no target")
    expect(text).to match(/0\.000  # alice waits/).and match(/ \| +# it rains/).and match(/ \| +# who\?/)
  end

  it "draws a message of a party to itself, and one that passes the element" do
    text = ladder(message(0.0, :oversip, :oversip), message(0.1, :alice, :oversip), message(0.2, :oversip, :gw1), message(0.3, :alice, :gw1, "ACK sip:b SIP/2.0"))
    expect(text).to match(/@ INVITE sip:bob@example\.com/).and match(/ 0\.300  \|-+ ACK sip:b -+>\|$/)
  end

  it "names keep-alives, and shows what is no SIP" do
    text = ladder(message(0.0, :alice, :oversip, bytes: "\r\n\r\n"), message(1.0, :alice, :oversip, bytes: "hello"), message(2.0, :alice, :oversip, bytes: " "))
    expect(text).to include(" keep-alive ").and include(" hello ").and include("(no first line)")
  end

  it "says that nothing has happened" do
    expect(ladder).to eq "nothing has happened\n"
  end

  describe "times" do
    it "are in milliseconds where that is wanted" do
      text = ladder(message(0.5, :alice, :oversip), message(1.0, :alice, :oversip), width: 120, unit: :milliseconds)
      expect(text).to start_with("time (ms)  alice").and match(/^ +500\.0  /).and include("x2, last at 1000 ms")
    end

    it "have no other unit" do
      expect { ladder(unit: :hours) }.to raise_error(ArgumentError, "unit has to be one of :seconds, :milliseconds, not :hours")
    end
  end

  describe "colour" do
    let(:terminal) { Struct.new(:tty?, :winsize).new(true, [24, 80]) }

    around do |example|
      former = ENV.to_h.slice("NO_COLOR", "TERM")
      ENV.update("NO_COLOR" => nil, "TERM" => "xterm")
      example.run
    ensure
      ENV.update("NO_COLOR" => former["NO_COLOR"], "TERM" => former["TERM"])
    end

    it "is there where it is asked for, and changes nothing else" do
      colored = described_class.new(failover, color: true).to_s
      expect(colored).to match(/\e\[32m[<-]/)
      expect(colored.gsub(/\e\[[0-9;]*m/, "")).to eq described_class.new(failover).to_s
    end

    it "is there by itself on a terminal that has it" do
      expect(described_class.new(failover, width: terminal, color: :auto).to_s).to include("\e[")
      expect(described_class.new(failover, width: terminal).to_s).not_to include("\e[")
      expect(described_class.new(failover, width: StringIO.new, color: :auto).to_s).not_to include("\e[")
    end

    it "is not there where the environment does not want it" do
      [%w[NO_COLOR 1], %w[TERM dumb]].each do |name, value|
        former = ENV.fetch(name, nil)
        ENV[name] = value
        expect(described_class.new(failover, width: terminal, color: :auto).to_s).not_to include("\e[")
        ENV[name] = former
      end
    end
  end

  describe "hostile bytes" do
    it "are shown by their numbers" do
      expect(ladder(message(0.0, :alice, :oversip, "SIP/2.0 200 \e[2J\a\u202Eok\u0301\xFF".b), width: 120))
        .to include('200 \x1B[2J\x07\u{202E}ok\u{301}\xFF')
    end

    it "do no harm in names, blocks and notes either" do
      bad = "\e]0;x\a\u202E\r\n\xFF"
      events = [message(0.0, :alice, :oversip, sender: bad), block(:on_request, subject: bad, file: "/#{bad}.rb", exception: RuntimeError.new(bad)),
                attempt(bad, :timeout), resolution(bad, bad), note(bad, party: bad), note("\u00E9".encode("ISO-8859-1")), note("x".encode("UTF-16LE"))]
      text = ladder(*events)
      expect(text).to be_valid_encoding
      expect(text.delete("\n")).to match(/\A[ -~é]*\z/)
    end

    it "may be in any encoding" do
      %w[UTF-16LE Shift_JIS ISO-8859-1 UTF-7 BINARY].each do |encoding|
        word = "\xE9\e".b.force_encoding(encoding)
        events = [message(0.0, :alice, :oversip, sender: word), block(:on_error, subject: word, exception: RuntimeError.new(word)),
                  attempt(word, :timeout), resolution(word, word), note(word, party: word)]
        expect(ladder(*events)).to be_valid_encoding.and(match(/\A[ -~é\n]*\z/)), encoding
      end
    end

    it "leave the lanes where they are, also in letters of two columns" do
      lines = ladder(message(0.0, :alice, :oversip, "SIP/2.0 486 用户忙 中文中文中文中文中文中文"), message(1.0, :oversip, :gw1), width: 66).lines
      wide = lines.find { |line| line.include?("用") }
      expect(wide.rstrip.size + wide.scan(/\p{Han}/).size).to eq lines.last.rstrip.size
    end

    it "cost no time" do
      long = "INVITE sip:#{"a" * 60_000} SIP/2.0"
      text = ladder(message(0.0, :alice, :oversip, long), note("b" * 60_000))
      expect(text.size).to be < 2000
    end
  end
end
