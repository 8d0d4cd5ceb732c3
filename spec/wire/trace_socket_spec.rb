# frozen_string_literal: true

require "json"
require "tmpdir"
require "uri"
require "oversip/monitor_client"
require_relative "../support/monitor_client"

# What the control socket hands out of calls.
RSpec.describe "The trace on the control socket", :native do
  include MonitorClient

  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let(:path) { File.join(@dir, "a.sock") }

  around { |example| Dir.mktmpdir("oversip") { |dir| (@dir = dir) && example.run } }

  def relay
    start_relay_to(bob, configuration: { core: { control_socket: path }, trace: { enabled: true } })
  end

  # @return [String] the Call-ID of a call that bob has refused
  def call
    invite = call_from(alice)
    bob.answer(bob.receive_until { |message| message.method_name == "INVITE" }, 486)
    final_for(alice)
    alice.send_text(alice.companion(invite, :ACK), oversip_port)
    id = invite[/^Call-ID: (.*)\r$/, 1]
    # INVITE, 486 and ACK on both legs, and the 100.
    eventually { ask("/trace?call_id=#{id}", at: path).body.scan('"kind":"message"').size == 7 }
    id
  end

  def rows(query = "")
    answer = ask("/trace#{query}", at: path)
    expect([answer.status, answer.headers["content-type"]]).to eq([200, "application/x-ndjson"])
    answer.body.lines.map { |line| JSON.parse(line) }
  end

  def calls_of(list)
    list.filter_map { |row| row["call_id"] }.uniq
  end

  # Reads the lines of an answer that goes on, without the sizes of its pieces, until one matches.
  def read_until(socket, pattern, text = +"")
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + MonitorClient::LIMIT
    until text.match?(pattern)
      left = deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
      raise "no #{pattern.inspect} in #{text}" unless left.positive? && socket.wait_readable(left)

      text << socket.readpartial(65_536)
    end
    text
  end

  def following(query = "")
    with_connection(path) do |socket|
      socket.write(request("/trace?follow=1#{query}"))
      yield socket
    end
  end

  it "is a head and the rows of all calls, of the last ones, of one, or after a number" do
    relay
    first = call
    second = call
    head, *others = rows
    expect(head).to include("kind" => "head", "rows" => 1, "calls" => include("kept" => 2))
    expect(calls_of(others)).to eq([first, second])
    expect(others.map { |row| row["kind"] }).to include("message", "received", "attempt", "attempt_ended", "answered", "block")
    expect(calls_of(rows("?last=1"))).to eq([second])
    expect(calls_of(rows("?call_id=#{URI.encode_www_form_component(first)}"))).to eq([first])
    expect(rows("?since=#{head["seq"]}").size).to eq(1)
    expect(calls_of(rows("?call_id=nobody"))).to be_empty
  end

  it "goes on with what comes, and ends with the server" do
    relay
    former = call
    following do |socket|
      text = read_until(socket, /"answered"/)
      expect(text).to include(former)
      later = call
      read_until(socket, /"call_id":"#{Regexp.escape(later)}".*"kind":"answered"|"kind":"answered".*#{Regexp.escape(later)}/m, text)
      OverSIP.stop(timeout: 0)
      # The last piece, which says that nothing is missing (RFC 9112 7.1).
      expect(read_all(socket)).to end_with("0\r\n\r\n")
    end
  end

  it "follows one call alone, or what comes after the last ones" do
    relay
    call
    following("&last=0") do |socket|
      text = read_until(socket, /"head"/)
      later = call
      read_until(socket, /"kind":"answered"/, text)
      expect(text.scan(/"call_id":"([^"]+)"/).flatten.uniq).to eq([later])
    end
  end

  it "has room for so many who follow, and for others beside them" do
    relay
    sockets = Array.new(16) { UNIXSocket.new(path).tap { |socket| socket.write(request("/trace?follow=1")) } }
    sockets.each { |socket| read_until(socket, /"head"/) }
    expect(ask("/trace?follow=1", at: path)).to have_attributes(status: 503, body: "too many follow already\n")
    expect(rows.first["kind"]).to eq("head")
    sockets.pop.close
    eventually { following { |socket| read_until(socket, %r{\AHTTP/1\.1 }).include?(" 200 ") } }
  ensure
    sockets&.each(&:close)
  end

  it "has what breaks the rules beside what the engine answers to it, and tells apart Call-IDs that are no UTF-8" do
    relay
    call_ids = ["a b", "c\xFFd", "c\xFEd"].map(&:b)
    call_ids.each do |call_id|
      invite = alice.build(:INVITE, "sip:bob@b.example")
      alice.send_text(invite.to_s.b.sub(/^Call-ID: .*\r$/n) { "Call-ID: ".b + call_id + "\r".b }, oversip_port)
    end
    messages = nil
    eventually { (messages = rows.select { |row| row["kind"] == "message" }).size == 6 }
    ids = call_ids.drop(1).map { |call_id| [call_id].pack("m0").tr("+/", "-_").delete("=") }
    expect(messages.map { |row| row.values_at("call_id", "id", "direction") })
      .to eq([["a b", nil], ["c\u{FFFD}d", ids[0]], ["c\u{FFFD}d", ids[1]]].flat_map { |call| [[*call, "in"], [*call, "out"]] })
    of_one = rows("?id=#{ids[1]}").filter_map { |row| row["id"] }
    expect(of_one).to eq([ids[1]] * 2)
    expect(ask("/trace?id=*", at: path)).to have_attributes(status: 400, body: "id has to be a Call-ID in base64url\n")

    calls = OverSIP.trace.summaries
    expect(calls.map { |call| [call.call_id, call.sip_method, call.status, call.outcome] }).to eq(
      ["a b", "c\xFFd".b, "c\xFEd".b].map { |call_id| [call_id, :INVITE, 400, :failure] }
    )
    expect(OverSIP.trace(call_id: "c\xFEd").summaries.map(&:call_id)).to eq(["c\xFEd".b])
    client = OverSIP::MonitorClient.new(path)
    expect(client.get("/trace", call_id: "c\xFEd").scan(/"id":"([^"]+)"/).flatten).to eq([ids[1]] * 2)
  end

  it "tells who follows that calls went before they could be read" do
    start_oversip(configuration: { core: { control_socket: path }, trace: { enabled: true, calls: 3 } }) { |request| request.reply(200) }
    following do |socket|
      text = read_until(socket, /"head"/)
      eventually do
        20.times { alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example"), oversip_port) && alice.receive_final }
        text << socket.readpartial(65_536)
        text.include?('"kind":"missed"')
      end
      row = JSON.parse(text[/^\{"kind":"missed".*\}$/])
      expect(row).to match("kind" => "missed", "call_id" => nil, "at" => be > 0, "calls" => be >= 1)
    end
  end

  it "tells who goes on from a number that calls went since" do
    start_oversip(configuration: { core: { control_socket: path }, trace: { enabled: true, calls: 3 } }) { |request| request.reply(200) }
    exchange = -> { alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example"), oversip_port) && alice.receive_final }
    exchange.call
    read = eventually { rows.first["seq"].then { |last| last if last >= 3 } }
    3.times { exchange.call }
    expect(rows("?since=#{read}").map { |row| row["kind"] }).not_to include("missed")
    5.times { exchange.call }
    missed = rows("?since=#{read}").find { |row| row["kind"] == "missed" }
    expect(missed).to match("kind" => "missed", "call_id" => nil, "at" => be > 0, "calls" => be >= 1)
    expect(rows.map { |row| row["kind"] }).not_to include("missed")
  end

  it "tells who follows of each event once that a call has no room for, with its time" do
    start_oversip(configuration: { core: { control_socket: path }, trace: { enabled: true, bytes: 65_536 } }) { |request| request.reply(200) }
    options = -> { alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example", call_id: "long"), oversip_port) && alice.receive_final }
    20.times { options.call }
    following do |socket|
      text = read_until(socket, /"left_out"/)
      3.times do |round|
        5.times { options.call }
        read_until(socket, /(?:"kind":"left_out".*){#{round + 2}}/m, text)
      end
      all = nil
      told = eventually do
        all = rows.last
        text << socket.readpartial(65_536) if socket.wait_readable(0)
        told = text.scan(/^\{"kind":"left_out".*\}$/).map { |line| JSON.parse(line) }
        told if %w[events bytes].all? { |name| told.sum { |row| row[name] } == all[name] }
      end
      expect(told.map { |row| row["at"] }).to eq(told.map { |row| row["at"] }.sort).and all(be > 0)
      expect(all).to include("kind" => "left_out", "call_id" => "long", "at" => told.last["at"])
    end
  end

  it "says nothing of calls that went when they had been read" do
    start_oversip(configuration: { core: { control_socket: path }, trace: { enabled: true, calls: 3 } }) { |request| request.reply(200) }
    following do |socket|
      text = read_until(socket, /"head"/)
      8.times do
        sent = SipText.new(alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example"), oversip_port)).header("Call-ID")
        alice.receive_final
        read_until(socket, /"call_id":"#{Regexp.escape(sent)}".*200 OK|"kind":"answered","call_id":"#{Regexp.escape(sent)}"/, text)
      end
      expect(text).not_to include("missed")
      expect(rows.first["calls"]["dropped"]).to eq(5)
    end
  end

  it "waits for no reader: calls go on when one does not read" do
    relay
    following do |socket|
      read_until(socket, /"head"/)
      20.times { call }
      expect(calls_of(rows).size).to eq(20)
    end
  end
end
