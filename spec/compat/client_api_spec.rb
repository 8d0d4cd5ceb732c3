# frozen_string_literal: true

require "json"
require_relative "../support/awaited_peer"
require_relative "../support/server_folder"
require_relative "../support/sipp"
require_relative "../support/tls_peer"
require_relative "../support/websocket_peer"

# Every method of the public page of OverSIP::SIP::Client, from a server.rb, with its error table.
RSpec.describe "A script that uses the whole Client API", :native do
  include ServerFolder
  include Sipp

  after { close_sipp }

  # The transports of callers and callees: a WebSocket client is reached over its own connection only.
  transports = { udp: :udp, tcp: :tcp, tls: :tls, ws: :udp }.freeze

  let(:tls) { Ports.free }
  let(:ws) { Ports.free }
  let(:callee) { callee_by(:udp) }
  let(:caller) { caller_by(:udp) }

  def serve(callee_port = callee.port, transport: :udp)
    folder(conf: <<~YAML, proxies: <<~PROFILES)
      core: {syslog_level: info, nameservers: "127.0.0.1:#{dead_port}"}
      sip: {sip_tls: yes, listen_ipv4: 127.0.0.1, listen_port: #{port}, listen_port_tls: #{tls}, enable_ipv6: no}
      websocket: {sip_ws: yes, listen_ipv4: 127.0.0.1, listen_port: #{ws}, enable_ipv6: no}
      tls: #{Certificates.section.transform_keys(&:to_s).to_json}
    YAML
      default_proxy: {use_blacklist: no}
      fast: {use_blacklist: no, timer_B: 2, timer_F: 2}
      ringing: {timer_C: 8}
      numbers: {use_dns: no}
    PROFILES
    write("server.rb", File.read(File.join(__dir__, "scripts", "client_api.rb")))
    serving(environment: { "CALLEE_PORT" => callee_port.to_s, "CALLEE_TRANSPORT" => transport.to_s }) do |server|
      @server = server
      yield
    end
  end

  # A caller, once the server is there.
  def caller_by(transport)
    case transport
    when :udp then udp_peer
    when :tcp then tcp_peer(port)
    when :tls then tls_peer(tls)
    when :ws then websocket_peer(ws)
    end
  end

  def callee_by(transport)
    return udp_peer if transport == :udp

    AwaitedPeer.new(transport == :tls ? TlsServerPeer.new : TcpServerPeer.new).tap { |peer| opened << peer }
  end

  def at(callee, transport)
    "127.0.0.1:#{callee.port}#{";transport=#{transport}" unless transport == :udp}"
  end

  # Sends a request and lets the callee answer it.
  #
  # @return [Array] the final response's first line, and what the script said meanwhile
  def call(user, *answers, method: :MESSAGE, ruri: "sip:#{user}@callee.example", limit: SipPeer::LIMIT, **options)
    from = @server.output.size
    sent = caller.send_text(caller.build(method, ruri, **options), port)
    if answers.any?
      # A busy machine lets requests be sent again.
      call_id = SipText.new(sent).header("Call-ID")
      request = callee.receive_until { |message| message.request? && message.header("Call-ID") == call_id }
      answers.each { |status| callee.answer(request, status) }
    end
    final = caller.receive_until(limit: limit) do |message|
      message.status.to_i >= 200 && message.header("Call-ID") == SipText.new(sent).header("Call-ID")
    end
    caller.send_text(caller.companion(sent, :ACK), port) if method == :INVITE
    [final.first_line.delete_prefix("SIP/2.0 "), said(from)]
  end

  # What the script has said has been read when something later has.
  def said(from)
    look = SecureRandom.hex(4)
    caller.send_text(caller.build(:OPTIONS, "sip:look@callee.example", call_id: look), port)
    caller.receive_until { |message| message.method_name == "OPTIONS" && message.status == 200 }
    @server.wait_for(/looked #{look}$/, from: from)
    @server.output[from..].scan(/\[user\] (.*)/).flatten.grep_v(/\Alooked /)
  end

  def twice(event)
    ["first #{event}", "second #{event}"]
  end

  transports.each do |calling, called|
    describe "called by #{calling}, calling by #{called}" do
      let(:callee) { callee_by(called) }
      let(:caller) { caller_by(calling) }
      let(:target) { twice("on_target #{called}:127.0.0.1:#{callee.port}") }

      it "runs each event's blocks in their order" do
        serve(transport: called) do
          expect(call("all", 180, 200, method: :INVITE))
            .to eq(["200 Reason", target + twice("on_provisional_response 180") + twice("on_success_response 200")])
          expect(call("all", 486)).to eq(["486 Reason", target + twice("on_failure_response 486")])
        end
      end

      it "forgets the blocks of one event, or all" do
        serve(transport: called) do
          expect(call("clear-provisional_response", 180, 200, method: :INVITE).last).to eq(target + twice("on_success_response 200"))
          expect(call("clear-success_response", 200)).to eq(["200 Reason", target])
          expect(call("clear-failure_response", 404)).to eq(["404 Reason", target])
          expect(call("clear-target", 200).last).to eq(twice("on_success_response 200"))
          expect(call("clear-error", 200).last).to eq(target + twice("on_success_response 200"))
          expect(call("clear-invite_timeout", 200).last).to eq(target + twice("on_success_response 200"))
          expect(call("clear-all", 180, 200, method: :INVITE)).to eq(["200 Reason", []])
        end
      end

      it "aborts the routing, and blacklists a target with words of its own or those by default" do
        serve(transport: called) do
          aborted = twice("on_error 403 Destination Aborted :destination_aborted")
          from = @server.output.size
          lines = %w[abort never never].map do |user|
            caller.send_text(caller.build(:MESSAGE, "sip:#{user}@callee.example"), port)
            caller.receive_final.first_line
          end
          expect(lines).to eq(["SIP/2.0 403 Destination Aborted", "SIP/2.0 403 Destination Aborted", "SIP/2.0 403 Never here!"])
          expect(said(from)).to eq(((target + aborted) * 2) + twice("on_error 403 Never here! :destination_blacklisted"))

          from = @server.output.size
          other = udp_peer
          caller.send_text(caller.build(:MESSAGE, "sip:avoid@127.0.0.1:#{other.port}"), port)
          other.answer(other.receive, 200)
          expect(caller.receive_final.status).to eq(200)
          caller.send_text(caller.build(:MESSAGE, "sip:avoid@127.0.0.1:#{other.port}"), port)
          expect(caller.receive_final.first_line).to eq("SIP/2.0 403 Destination Blacklisted")
          expect(said(from).last).to eq("second on_error 403 Destination Blacklisted :destination_blacklisted")
        end
      end

      it "is told every error of the table" do
        serve(transport: called) do
          token = "fwAAAQAAAAAAAAAAAAAA" # never given out
          {
            "sip:x@127.0.0.1:#{dead_port};transport=tcp" => "500 Connection Error :connection_error",
            "sip:x@[::1]:5060" => "478 Destination Requires Unsupported IPv6 :no_ipv6",
            "sip:x@callee.invalid" => "404 No DNS Resolution :no_dns_resolution",
            "tel:+123" => "416 Unsupported URI scheme :unsupported_uri_scheme",
            "sip:x@127.0.0.1;transport=sctp" => "478 Unsupported transport :unsupported_transport",
            "sip:profile-numbers@callee.example" => "478 Destination Requires Unsupported DNS Resolution :no_dns",
            "sip:profile-fast@#{at(callee, called)}" => "408 Client Timeout :client_timeout"
          }.each do |ruri, expected|
            method = ruri.include?("fast") ? :INVITE : :MESSAGE
            status_and_reason = expected[/\A[^:]+(?= :)/]
            line, events = call(nil, method: method, ruri: ruri, limit: 30)
            expect([ruri, line, events.last(2)]).to eq([ruri, status_and_reason, twice("on_error #{expected}")])
          end
          route = "<sip:#{token}@127.0.0.1:#{port};transport=tcp;lr;ovid=00000000>"
          line, events = call("flow", headers: { "Route" => route })
          expect([line, events]).to eq(["430 Flow Failed", twice("on_error 430 Flow Failed :flow_failed")])
        end
      end
    end
  end

  it "is told that an INVITE had no final response within Timer C, by every transport" do
    serve do
      from = @server.output.size
      calls = transports.map do |calling, called|
        caller = caller_by(calling)
        callee = callee_by(called)
        caller.send_text(caller.build(:INVITE, "sip:profile-ringing@#{at(callee, called)}"), port)
        callee.answer(callee.receive, 180)
        [caller, callee]
      end
      calls.each do |caller, callee|
        expect(caller.receive_final(limit: 30).first_line).to eq("SIP/2.0 408 INVITE Timeout")
        expect(callee.receive_until { |message| message.method_name == "CANCEL" }).to be_request
      end
      expect(said(from).grep(/timeout/).tally).to eq(twice("on_invite_timeout").to_h { |told| [told, calls.size] })
    end
  end

  %i[udp tcp tls].each do |transport|
    it "carries SIPp's requests by #{transport}" do
      answering = sipp_callee("answer_request", calls: 50, transport: transport, words: { method: "MESSAGE" })
      serve(answering.port, transport: transport) do
        entry = transport == :tls ? tls : port
        asking = sipp_caller("request", to: entry, calls: 50, transport: transport, words: { method: "MESSAGE" })
        [asking, answering].each { |run| expect([run.faults, run.successful]).to eq([{}, 50]), -> { run.explanation } }
      end
    end
  end
end
