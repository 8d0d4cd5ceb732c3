# frozen_string_literal: true

require "etc"
require "json"
require_relative "../support/server_folder"
require_relative "../support/sip_peer"
require_relative "../support/tshark"

# The commands that ask a running server, from another process.
RSpec.describe "A running server, asked by oversip trace, status and top", :native do
  include ServerFolder
  include Tshark

  let(:script) do
    <<~RUBY
      def (OverSIP::SipEvents).on_request(request)
        return request.reply(200) if request.sip_method == :OPTIONS
        return OverSIP::SIP::Proxy.new.route(request) if request.loose_route && request.own_route?
        return if request.sip_method == :ACK || request.ruri.user == "nobody"
        raise KeyError, "carol has no number" if request.ruri.user == "carol"

        sleep 0.3 if request.ruri.user == "erin"
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_error do
          proxy.drop_response
          OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", #{gateway.port})
        end
        return proxy.route(request, "127.0.0.1", #{dead_port}) if request.ruri.user == "failover"

        proxy.route(request, "127.0.0.1", #{gateway.port})
      end
    RUBY
  end
  let(:gateway) { UdpPeer.new }
  let(:alice) { UdpPeer.new }
  let(:dead_port) { Ports.free }

  around { |example| within_a_server { example.run } }

  after { [gateway, alice].each(&:close) }

  def socket
    in_folder("oversip.sock")
  end

  def within_a_server
    folder(script: script, proxies: "default_proxy: {blacklist_time: 600}\n", core: "control_socket: #{in_folder("oversip.sock")}")
    serving { |server| (@server = server) && yield }
  end

  # A call that the gateway answers so; with a 2xx it is hung up.
  #
  # @param statuses [Array<Integer>] none: the gateway is not asked
  # @return [String] its Call-ID
  def call(user, *statuses)
    invite = alice.build(:INVITE, "sip:#{user}@example.com", headers: { "To" => "<sip:#{user}@example.com>" })
    alice.send_text(invite, port)
    if statuses.any?
      received = gateway.receive
      statuses.each { |status| gateway.answer(received, status, "Reason") }
    end
    final = alice.receive_final
    final.status < 300 ? hang_up(final) : alice.send_text(alice.companion(invite, :ACK), port)
    SipText.new(invite).header("Call-ID")
  end

  def hang_up(final)
    alice.send_text(alice.in_dialog(:ACK, final, cseq: 1), port)
    alice.send_text(alice.in_dialog(:BYE, final, cseq: 2), port)
    gateway.answer(gateway.receive_until { |message| message.method_name == "BYE" }, 200, "OK")
    alice.receive_final
  end

  # @return [String] stdout of a command that has to succeed
  def ask(command, *arguments, socket: self.socket)
    out, error, status = oversip(command, *arguments, "--socket", socket)
    expect([error, status.exitstatus]).to eq(["", 0])
    out
  end

  it "has both sides of a call as one, with the blocks and the parties" do
    call_id = call("bob", 180, 200)
    out = ask("trace")
    expect(out).to start_with("200 Reason  INVITE sip:alice@a.example -> sip:bob@example.com\n").and include("Call-ID #{call_id}", "slowest block")
    expect(out).to match(/alice +oversip +bob$/)
    expect(out).to match(/\|- INVITE .*->\| .*\* on_request INVITE \(server\.rb:1\).*\| +\|- INVITE .*->\|.*<-+ 180 Reason.*<-+ 200 Reason.*- ACK .*- BYE .*<-+ 200 OK -+\|/m)
  end

  it "says why calls have failed" do
    call("bob", 200)
    carol = call("carol")
    busy = call("dave", 486)
    expect(JSON.parse(ask("trace", "--failed", "--json"))["calls"].map { |call| call.slice("call_id", "status", "causes") }).to match [
      { "call_id" => carol, "status" => 500, "causes" => ["on_request server.rb:1 raised KeyError: carol has no number", a_string_starting_with("500 ")] },
      { "call_id" => busy, "status" => 486, "causes" => ["486 Reason from dave"] }
    ]
    expect(ask("trace", "--to", "carol")).to include("raised KeyError: carol has no number")
  end

  it "shows a call that the script leaves unanswered as one that has failed without a response" do
    alice.send_text(alice.build(:INVITE, "sip:nobody@example.com"), port)
    eventually { ask("trace", "--list").match?(/INVITE .* no response /) }
    expect(JSON.parse(ask("trace", "--failed", "--json"))["calls"].map { |call| call["outcome"] }).to eq ["none"]
    expect(ask("status")).to include "1 without a response"
  end

  it "shows how a call goes on with another target" do
    call("failover", 200)
    out = ask("trace", "--last", "1")
    expect(out).to match(/tries udp:127\.0\.0\.1:#{dead_port}: connection error.*on_error.*tries udp:127\.0\.0\.1:#{gateway.port}: 200/m)
    expect(out).to include("- udp:127.0.0.1:#{dead_port}: connection error")
  end

  it "knows slow blocks" do
    call("bob", 200)
    erin = call("erin", 200)
    expect(JSON.parse(ask("trace", "--slow", "250ms", "--json"))["calls"].map { |call| [call["call_id"], call["slowest_block"] >= 0.3] }).to eq([[erin, true]])
  end

  it "writes a capture file in which tshark reads every message as SIP, with its addresses" do
    call("bob", 180, 200)
    ask("trace", "--pcap", "--output", in_folder("call.pcapng"))
    rows = packets(File.binread(in_folder("call.pcapng")), "frame.protocols", "exported_pdu.ipv4_src", "exported_pdu.src_port", "sip.Method", "sip.Status-Code")
    expect(rows.map(&:first).uniq).to contain_exactly("exported_pdu:sip").or(contain_exactly("exported_pdu:sip", "exported_pdu:sip:sdp"))
    expect(rows.first.drop(1)).to eq(["127.0.0.1", alice.port.to_s, "INVITE", ""])
    expect(rows.map(&:last).reject(&:empty?)).to match_array(%w[100 180 180 200 200 200 200])
  end

  it "follows calls as they go on" do
    running_oversip("trace", "--follow", "--socket", socket) do |follower|
      follower.wait_for(/^following/)
      call_id = call("bob", 486)
      follower.wait_for(/= 486 Reason after .*: 486 Reason from/)
      expect(follower.output).to match(/#1 +\+ INVITE sip:alice@a\.example -> sip:bob@example\.com, Call-ID #{call_id}\n.* #1 +alice -> oversip: INVITE sip:bob@example\.com\n.*oversip -> 127\.0\.0\.1:#{gateway.port}: INVITE/m)
      @server.signal("TERM")
      expect(follower.status).to be_success
      expect(follower.output).to end_with("the server has ended\n")
    end
  end

  it "says how it is, and when it does not run any more" do
    call("dave", 486)
    expect(ask("status")).to match(/\AOK: oversip #{OverSIP::VERSION}, process #{@server.pid}, running for /)
    expect(JSON.parse(ask("status", "--json"))).to include("pid" => @server.pid, "status" => "running")
    expect(ask("top", "--once", "--interval", "200ms")).to match(/> .* INVITE +alice -> dave +486 Reason/)
    @server.signal("TERM")
    @server.status
    out, _, status = oversip("status", "--socket", socket)
    expect([out, status.exitstatus]).to eq(["CRITICAL: no server runs with the socket #{socket}\n", 2])
  end

  it "warns of a target as long as it is on the blacklist" do
    call("failover", 200)
    out, _, status = oversip("status", "--socket", socket)
    expect([out.lines[1], status.exitstatus]).to eq(["- blacklisted: udp:127.0.0.1:#{dead_port}\n", 1])
    expect(out).to match(/^udp:127\.0\.0\.1:#{dead_port} +1 +0 +1 .* blacklisted$/)
    back = UdpPeer.new("127.0.0.1", dead_port)
    back.send_text("\r\n\r\n", port) # a sign of life
    eventually { oversip("status", "--socket", socket).last.exitstatus.zero? }
    expect(ask("status")).to match(/^udp:127\.0\.0\.1:#{dead_port} .* connection error$/)
  ensure
    back&.close
  end

  it "says that it keeps no trace" do
    @server.signal("TERM")
    @server.status
    write("oversip.conf", "#{File.read(in_folder("oversip.conf"))}trace: off\n")
    serving do
      out, error, status = oversip("trace", "--socket", socket)
      expect([out, error, status.exitstatus]).to match(["", /\AERROR: oversip trace: .*trace.*enabled/, 1])
      expect(ask("status")).to include("trace    off")
    end
  end

  it "answers nobody but its own user", if: Etc.getpwuid.uid.zero? do
    expect(File.stat(socket).mode & 0o777).to eq(0o600)
  end
end
