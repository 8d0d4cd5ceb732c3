# frozen_string_literal: true

require_relative "../../support/asked_server"

RSpec.describe "oversip trace" do
  include AskedServer

  def trace(*arguments)
    oversip("trace", *arguments)
  end

  # @return [Array<String>] the Call-IDs that are shown
  def shown(*arguments)
    out, error, status = trace(*arguments)
    expect([error, status]).to eq(["", 0])
    out.scan(/Call-ID (\w+)/).flatten
  end

  describe "chooses calls" do
    before do
      tracing(a_call("one", "200 OK"), a_call("two", "486 Busy Here", at: 1.0, to: "carol"), a_call("three", "200 OK", at: 2.0, took: 2.5),
              a_call("four", "404 Not Found", at: 3.0, method: :REGISTER))
    end

    it "of which the newest INVITE is the one when nothing is said" do
      expect(shown).to eq(["three"])
    end

    {
      %w[--last 2] => %w[three four],
      %w[--failed] => %w[two four],
      %w[--failed --last 1] => %w[four],
      %w[--to carol] => %w[two],
      %w[--to bob@example.com --method invite] => %w[one three],
      %w[--slow 2s] => %w[three],
      %w[--slow 50ms --last 9] => %w[one two three four],
      %w[--method REGISTER] => %w[four],
      %w[two] => %w[two],
      %w[on] => %w[one],
      %w[thr] => %w[three]
    }.each do |arguments, calls|
      it("by #{arguments.join(" ")}") { expect(shown(*arguments)).to eq(calls) }
    end

    it "by Call-IDs that are no UTF-8, as the list shows them" do
      @monitor.close
      File.delete(socket)
      tracing(*["a\xFFb", "a\xFEb"].map { |call_id| a_call("plain", "200 OK").map_events { |event| event.with_bytes(event.bytes.sub("plain", call_id.b), []) } })
      expect(trace("--list").first.scan(/a\\x\h+b/)).to eq(['a\\xFFb', 'a\\xFEb'])
      expect(trace('a\\xFEb').first).to include('Call-ID a\\xFEb').and match(/\A200 OK  INVITE (?!.*xFF)/m)
      expect(JSON.parse(trace("--json", "--last", "2").first)["calls"].map { |call| call["call_id"] }).to eq(['a\\xFFb', 'a\\xFEb'])
      client = OverSIP::MonitorClient.new(socket)
      expect(client.get("/trace", call_id: "a\xFEb").scan(/"id":"(\w+)"/).flatten.uniq).to eq([["a\xFEb"].pack("m0").delete("=")])
    end

    it "asks the server for as few as it can" do
      shown("--last", "2")
      shown("one")
      shown
      shown("--failed", "--last", "1")
      expect(@monitor.asked.map(&:last)).to eq([{ "last" => "2" }, { "call_id" => "one" }, { "last" => "50" }, {}])
    end

    it "says when there is none, and when several Call-IDs begin so" do
      expect(trace("--to", "nobody")).to eq(["", "none of the 4 calls that the server keeps is such a one\n", 1])
      expect(trace("t")).to eq(["", "ERROR: oversip trace: 2 Call-IDs begin so: two, three\n", 1])
    end
  end

  it "has the newest of what there is where there is no INVITE" do
    tracing(a_call("one", "200 OK", method: :REGISTER), a_call("two", "200 OK", at: 1.0, method: :OPTIONS))
    expect(shown).to eq(["two"])
  end

  it "finds the newest INVITE behind many other calls" do
    tracing(a_call("one", "200 OK"), *Array.new(60) { |index| a_call("ping#{index}", "200 OK", at: 1.0 + index, method: :OPTIONS) })
    expect(shown).to eq(["one"])
    expect(@monitor.asked.map(&:last)).to eq([{ "last" => "50" }, {}])
  end

  it "says of a server without calls that there is none" do
    tracing
    expect(trace).to eq(["", "the server has kept no call yet\n", 1])
  end

  it "shows how a call ended, when, after how long and why, above its ladder" do
    tracing(a_call("two", "486 Busy Here", at: 7.0, took: 3.25))
    out, = trace
    began = Time.at(TraceRows::BEGAN_AT + 7).strftime("%Y-%m-%d %H:%M:%S.%L %z")
    expect(out.lines.first(4).join).to eq(<<~TEXT)
      486 Busy Here  INVITE sip:alice@example.com -> sip:bob@example.com
      #{began}, Call-ID two, waited 3.3 s, in all 3.3 s
      - 486 Busy Here from oversip

    TEXT
    expect(out).to match(/^ +0\.000  \|- INVITE sip:bob@exam\.\. ->\|$/).and match(/^ +3\.250  \|<-+ 486 Busy Here -+\|$/)
  end

  describe "forms" do
    before { tracing(a_call("one", "200 OK", at: 7.0), a_call("two", "486 Busy Here", at: 8.0)) }

    def output(*arguments)
      out, error, status = trace(*arguments)
      expect([error, status]).to eq(["", 0])
      out
    end

    def restart(*records)
      @monitor.close
      File.delete(socket)
      tracing(*records)
    end

    it "are those of call records" do
      expect(output("--mermaid")).to start_with("sequenceDiagram\n").and include("p0->>p1: 0.000 INVITE")
      expect(output("--svg")).to include("<title>INVITE sip:alice@example.com to sip:bob@example.com</title>")
      expect(output("--html", "--last", "2")).to start_with("<!DOCTYPE html>").and include("<title>2 calls</title>", Time.at(TraceRows::BEGAN_AT + 7).strftime("%Y-%m-%d"))
      expect(JSON.parse(output("--json", "--last", "2"))["calls"].map { |call| call["call_id"] }).to eq(%w[one two])
      expect(JSON.parse(output("--json"))["began_at"]).to eq(TraceRows::BEGAN_AT + 8)
    end

    it "of several calls in Mermaid are diagrams" do
      expect(output("--mermaid", "--last", "2").scan("sequenceDiagram").size).to eq(2)
    end

    it "of a list are lines with as much of the Call-ID as tells it from the others" do
      day = Time.at(TraceRows::BEGAN_AT).strftime("%b %e")
      expect(output("--list")).to eq(<<~TEXT.gsub(/^(?!\z)/, "  "))
        calls     method   from -> to                result            waited  Call-ID
        #{day}    INVITE   alice -> bob              200 OK            100 ms  one
        #{day}    INVITE   alice -> bob              486 Busy Here     100 ms  two
      TEXT
      restart(*%w[abcdefgh-1 abcdefgh-2 abcdefghijkl x].map { |call_id| a_call(call_id, "200 OK") })
      expect(output("--list").lines.drop(1).map { |line| line.split.last }).to eq(%w[abcdefgh-1 abcdefgh-2 abcdefghi x])
    end

    it "of a capture file is binary, with the times of the world", :native do
      bytes = output("--pcap").b
      expect(bytes).to start_with("\x0A\x0D\x0D\x0A".b).and include("INVITE sip:bob@example.com SIP/2.0")
    end

    it "are one at a time, and followed calls have text and JSON alone" do
      expect(trace("--svg", "--html")[1]).to start_with("ERROR: oversip one form only, and --svg was given: --html")
      expect(trace("--svg", "--follow")[1]).to start_with("ERROR: oversip invalid option: --svg with --follow")
    end

    it "go to a file that others cannot read, as wide as a page" do
      file = File.join(@dir, "x.txt")
      expect(trace("-o", file)).to eq(["", "", 0])
      expect([File.read(file).lines.first, File.stat(file).mode & 0o777]).to eq(["486 Busy Here  INVITE sip:alice@example.com -> sip:bob@example.com\n", 0o600])
      expect(trace("-o", File.join(@dir, "none", "x"))).to match(["", /\AERROR: oversip trace: cannot write .*No such file/, 1])
    end
  end

  it "leaves out what is secret unless it is asked for" do
    bytes = "INVITE sip:bob@example.com SIP/2.0\r\nAuthorization: Digest secret\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
    tracing(call_record(message(0.0, :alice, :oversip, bytes: bytes)))
    %w[--json --html --svg].each do |form|
      expect(trace(form).first).not_to include("Digest secret")
      expect(trace(form, "--unredacted").first).to include("Digest secret")
    end
  end

  it "leaves out passwords of URIs in all lines, unless they are asked for" do
    bytes = "INVITE sip:bob@example.com SIP/2.0\r\nFrom: <sip:al:SECRET@example.com>\r\nTo: <sip:bob:SEC RET@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
    final = "SIP/2.0 486 Busy sip:al:SECRET@example.com\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
    record = call_record(message(1.0, :alice, :oversip, bytes: bytes), message(1.1, :oversip, :alice, bytes: final))
    [%w[--follow], %w[--follow --failed], [], %w[--list]].each do |arguments|
      server("/trace" => TraceRows.lines([TraceRows.head_row(now: arguments.empty? || arguments == ["--list"] ? 2.0 : 0.0), *TraceRows.rows(record)]))
      shown = trace(*arguments).first
      expect([shown.include?("INVITE"), shown[/SEC|RET@/]]).to eq([true, nil])
      expect(trace(*arguments, "--unredacted").first).to include("SEC")
      @monitor.close
      File.delete(socket)
    end
  end

  def attacking_record
    attack = "\e]0;x\a\e[2J\u202E\x9B"
    bytes = "INVITE sip:#{attack}@example.com SIP/2.0\r\nFrom: <sip:#{attack}@example.com>\r\nTo: #{attack}\r\nCall-ID: 1\e[2J\r\nCSeq: 1 INVITE\r\n\r\n"
    response = "SIP/2.0 486 #{attack}\r\nCall-ID: 1\e[2J\r\nCSeq: 1 INVITE\r\n\r\n"
    call_record(message(1.0, :alice, :oversip, bytes: bytes), block(:on_request, at: 1.0, subject: attack, exception: RuntimeError.new(attack)),
                attempt(attack, :timeout, at: 1.0), resolution(attack, attack), message(1.0, :oversip, :alice, bytes: response))
  end

  let(:obeyed) { /[\x00-\x09\x0B-\x1F\x7F-\u009F\u202E]/ }

  it "has nothing that a terminal obeys, whatever was sent" do
    tracing(attacking_record)
    outputs = [[], ["--list"], ["--json"], ["--mermaid"], ["--svg"], ["1\\x1B"]].map { |arguments| trace(*arguments) }
    outputs.each { |out, error, status| expect([out[obeyed], error, status]).to eq([nil, "", 0]) }
  end

  it "has nothing that a terminal obeys while it follows either" do
    rows = [TraceRows.head_row(now: 0.0), *TraceRows.rows(attacking_record), { kind: "blacklisted", at: 2.0, call_id: nil, target: "udp:\e[2J" }]
    [[], ["--json"], ["--failed"]].each do |arguments|
      server("/trace" => TraceRows.lines(rows))
      out, = trace("--follow", *arguments)
      expect([out.lines.size > 2, out[obeyed]]).to eq([true, nil])
      @monitor.close
      File.delete(socket)
    end
  end

  describe "--follow" do
    # @param rows [Array<Hash>] what comes after the head
    def following(*rows, now: 0.0)
      server("/trace" => [200, "OK", [TraceRows.head_row(now: now), *rows].map { |row| TraceRows.lines([row]) }.push("\n").each])
    end

    def lines(*arguments)
      out, error, status = trace("--follow", *arguments)
      expect([error, status]).to eq(["following the calls of #{socket}; Ctrl-C ends\nthe server has ended\n", 0])
      out.lines(chomp: true).map { |line| line.sub(/\A\d\d:\d\d:\d\d\.\d{3} {2}/, "").sub(/ {2,}/, " ").lstrip }
    end

    def rows_of(*records)
      records.flat_map { |record| TraceRows.rows(record) }.sort_by.with_index { |row, index| [row[:at], index] }
    end

    it "writes a line for each thing that happens, with the number of its call" do
      following(*rows_of(a_call("one", "180 Ringing", "200 OK", at: 1.0, took: 0.5), a_call("two", "486 Busy Here", at: 1.1)))
      expect(lines).to eq [
        "#1 + INVITE sip:alice@example.com -> sip:bob@example.com, Call-ID one", "#1 alice -> oversip: INVITE sip:bob@example.com",
        "#2 + INVITE sip:alice@example.com -> sip:bob@example.com, Call-ID two", "#2 alice -> oversip: INVITE sip:bob@example.com",
        "#2 oversip -> alice: 486 Busy Here", "#2 = 486 Busy Here after 100 ms: 486 Busy Here from oversip",
        "#1 oversip -> alice: 180 Ringing", "#1 oversip -> alice: 200 OK", "#1 = 200 OK after 500 ms"
      ]
      expect(@monitor.asked).to eq([["/trace", { "follow" => "1", "last" => "100" }]])
    end

    it "has no name for who is called, as there may be others" do
      record = a_call("1", at: 1.0)
      %i[gw1 gw2].each { |gateway| record << message(1.5, :oversip, gateway, bytes: record.messages.first.bytes) }
      following(*rows_of(record))
      expect(lines.last(2)).to eq(["#1 oversip -> 192.0.2.1:5060: INVITE sip:bob@example.com", "#1 oversip -> 192.0.2.2:5060: INVITE sip:bob@example.com"])
    end

    it "has what is sent again, targets that were tried in vain, what is raised, and what belongs to no call" do
      record = a_call("1", at: 1.0)
      record << message(1.5, :alice, :oversip, bytes: record.messages.first.bytes) << attempt("udp:192.0.2.1:5060", :timeout, at: 2.0)
      record << attempt("udp:192.0.2.2:5060", 200, at: 2.0) << block(:on_error, at: 2.5, exception: KeyError.new("x")) << note("udp:192.0.2.1:5060 is", at: 3.0)
      following(*rows_of(record))
      expect(lines.drop(2)).to eq [
        "#1 alice -> oversip: INVITE sip:bob@example.com (again)", "#1 : tries udp:192.0.2.1:5060: timeout",
        "#1 * on_error (server.rb:12) raised KeyError: x", "# udp:192.0.2.1:5060 is blacklisted"
      ]
    end

    it "has the end of a call that gets no response, where failed calls are asked for too" do
      ended = { kind: "unanswered", call_id: "1", method: "INVITE", branch: "", at: 1.5 }
      end_of_call = ["#1 : ends the INVITE without a response", "#1 = no response after 500 ms"]
      [[], ["--failed"]].each do |arguments|
        following(*rows_of(a_call("1", at: 1.0)), ended)
        expect(lines(*arguments).last(2)).to eq(end_of_call)
        @monitor.close
        File.delete(socket)
      end
    end

    it "has the time at which an attempt has ended" do
      target = { call_id: "1", target: "udp:192.0.2.1:5060", method: "INVITE", branch: "b", at: 2.0 }
      following(*rows_of(a_call("1", at: 1.0)), { kind: "attempt", **target }, { kind: "attempt_ended", **target, at: 34.0, outcome: "timeout" })
      out, = trace("--follow")
      expect(out.lines.last).to eq("#{Time.at(TraceRows::BEGAN_AT + 34).strftime("%H:%M:%S.%L")}  #1     : tries udp:192.0.2.1:5060: timeout\n")
    end

    it "says that calls went before it could read them, whatever is asked for" do
      missed = { kind: "missed", call_id: nil, at: 2.0, calls: 12 }
      following(*rows_of(a_call("one", "200 OK", at: 1.0)), missed)
      words = "up to 12 calls went before they could be read: more come than trace[calls] and trace[bytes] have room for"
      expect([lines.last, lines("--to", "carol")]).to eq(["# #{words}", ["# #{words}"]])
      out, = trace("--follow", "--failed", "--json")
      expect(JSON.parse(out)).to include("kind" => "note", "text" => words, "call_id" => nil)
    end

    it "says what a call has no room for, when it comes" do
      following(*rows_of(a_call("1", at: 1.0)), { kind: "left_out", call_id: "1", at: 2.0, events: 3, bytes: 4000 })
      expect(lines.last).to start_with("#1 # 3 more events of this call (4000 bytes) were left out")
    end

    it "forgets calls of long ago, those too that nobody has asked for" do
      stub_const("OverSIP::CommandLine::TraceFollower::MOST", 2)
      reader = OverSIP::CallRecord::TraceReader.new
      allow(OverSIP::CallRecord::TraceReader).to receive(:new).and_return(reader)
      following(*rows_of(*Array.new(5) { |number| a_call("call#{number}", "200 OK", at: number + 1.0) }))
      expect(lines("--failed")).to be_empty
      expect(Array.new(5) { |number| reader.followed_call("call#{number}").call&.call_id }).to eq([nil, nil, nil, "call3", "call4"])
    end

    it "leaves out what was before, but knows the calls that go on" do
      following(*rows_of(a_call("old", "200 OK"), a_call("one", "200 OK", took: 2.0)), now: 1.0)
      expect(lines.first(2)).to eq(["#1 + INVITE sip:alice@example.com -> sip:bob@example.com, Call-ID one", "#1 alice -> oversip: INVITE sip:bob@example.com"])
    end

    it "writes a call from its beginning when it is one of those that are asked for" do
      following(*rows_of(a_call("one", "200 OK", at: 1.0), a_call("two", "486 Busy Here", at: 1.1)))
      expect(lines("--failed").map { |line| line[/Call-ID \w+|\d{3} .*|INVITE/] }).to eq(["INVITE", "INVITE", "486 Busy Here", "486 Busy Here after 100 ms: 486 Busy Here from oversip"])
    end

    it "writes JSON in lines, without what is secret" do
      bytes = "OPTIONS sip:bob@example.com SIP/2.0\r\nAuthorization: secret\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
      following(*rows_of(call_record(message(1.0, :alice, :oversip, bytes: bytes))))
      out, = trace("--follow", "--json")
      expect(out.lines.map { |line| JSON.parse(line) }).to match([a_hash_including("call_id" => "1", "kind" => "message", "time" => TraceRows::BEGAN_AT + 1)])
      expect(out).not_to include("secret")
    end
  end

  describe "where a server cannot be asked" do
    it "says that none runs, and how to name it" do
      expect(oversip("trace")).to eq(["", "ERROR: oversip trace: no server runs with the socket #{socket}\n", 1])
    end

    it "passes on what the server says" do
      server("/trace" => [404, "Not Found", "the server keeps no trace: trace[enabled] is no\n"])
      expect(trace).to eq(["", "ERROR: oversip trace: the server keeps no trace: trace[enabled] is no\n", 1])
    end

    it "says that the rows are those of another version" do
      server("/trace" => TraceRows.lines([TraceRows.head_row(rows: 7)]))
      expect(trace).to match(["", /\AERROR: oversip trace: the server has rows of version 7/, 1])
    end
  end

  {
    %w[--last 0] => "--last has to be 1 or more", %w[--last x] => "invalid argument: --last x", %w[--slow soon] => "'soon' is no time such as 2s, 500ms or 1.5: --slow",
    %w[--to=] => "empty value: --to=", %w[--nosuch] => "invalid option: --nosuch"
  }.each do |arguments, message|
    it "refuses #{arguments.join(" ")}" do
      out, error, status = trace(*arguments)
      expect([error.lines, out, status]).to match([[/\AERROR: oversip #{Regexp.escape(message)}.*: oversip help trace shows what it takes$/], "", 1])
    end
  end

  it "refuses words that are too many, or empty" do
    expect(trace("a", "b")[1]).to eq("ERROR: oversip trace takes [DIR] [CALL-ID], 'b' is too much: oversip help trace shows what it takes\n")
    expect(trace("")[1]).to eq("ERROR: oversip an argument of trace is empty: oversip trace [DIR] [CALL-ID]\n")
    expect(oversip("--user", "x", "trace")[1]).to eq("ERROR: oversip trace does not take --user: oversip help trace shows what it takes\n")
  end
end
