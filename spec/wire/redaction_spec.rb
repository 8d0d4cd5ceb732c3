# frozen_string_literal: true

require "oversip/call_record"
require_relative "../support/asked_server"
require_relative "../support/command"
require_relative "../support/monitor_client"

# A call that has a secret in every place, and whatever shows it.
RSpec.describe "What is secret in a call", :native do
  include AskedServer
  include MonitorClient

  let!(:alice) { udp_peer }
  let(:token) { "0123456789abcdef" }

  # Each one once, so that what is found says where it was.
  def secret(place)
    @secrets << "#{place}s3cret"
    @secrets.last
  end

  # What two readers of SDP do not read in the same way, and what each of them takes for a key.
  def sdp
    ["v=0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:#{secret("key")}", "a= Crypto :2 X inline:#{secret("blank")}", "A=CRYPTO:3 X #{secret("bare")}",
     " a=crypto:1 X inline:#{secret("indented")}", "k=clear:#{secret("k")}", "a= ice-pwd: #{secret("ice")}", "a=key-mgmt :mikey #{secret("mikey")}",
     "u=http://u:#{secret("url")}@h/", "i=password = #{secret("info")}", ""].join("\r\n")
  end

  def fields
    digest = "Digest username=\"a\", realm=\"#{secret("realm")}\", response=\"#{secret("answer")}\""
    ["Authorization: #{digest}", "proxy-AUTHORIZATION :Basic #{secret("basic")}", "Proxy-Authorization: Bearer a,\r\n #{secret("folded")}",
     "Authentication-Info: rspauth=\"#{secret("rspauth")}\"", "Proxy-Authentication-Info: #{secret("proxy")}", "Cookie: #{secret("cookie")}",
     "Identity: aGVhZA.cGF5.#{secret("identity")};info=<http://h/>", "y: \"#{secret("y")}\"", "Identity: aGVhZA\r\n .#{secret("passport")}",
     "Contact: <sip:alice:#{secret("contact")}@a.example>", "Alert-Info: <sip:b@h;x=y;password=#{secret("parameter")}>;Passwd=#{secret("header")}",
     "Call-Info: <http://u:#{secret("call-info")}@h/>", "Refer-To: <sip:b@h?Authorization=#{secret("refer")}&Proxy-Authorization=#{secret("refer-proxy")}>",
     "Referred-By: <sip:b@h?Route=%3Csip%3Ac%3A#{secret("escaped")}%40h%3E>", "Reply-To: <sip:a/b:#{secret("slash")}@h>",
     "History-Info: <sip:x@h?Contact=sip:bob:#{secret("mixed")}%40h>, <sip:x@h?Refer-To=sip%3Abob:#{secret("half")}%40h>",
     "X-Settings: password=\"a #{secret("quoted")} b\", {secret: [\"a\", \"#{secret("list")}\"]}"]
  end

  def send_secrets(method, type, body)
    request = alice.build(method, "sip:raise:#{secret("ruri-#{method}-")}@b.example", call_id: "call-with-secrets").to_s.b
    head = request.sub(/\r\n\r\n.*\z/m, "").lines(chomp: true).grep_v(/\A(?:Content-|Contact)/)
    text = [*head, *fields, "Content-Type: #{type}", "Content-Length: #{body.bytesize}", "", body].join("\r\n")
    alice.send_text(text, oversip_port)
    expect(alice.receive_final.status).to eq(500)
  end

  def start
    configuration = { core: { control_socket: socket }, trace: { enabled: true },
                      metrics: { listen: "127.0.0.1:0", calls_page: true, token: token } }
    start_oversip(configuration: configuration) do |request|
      raise KeyError, [request.ruri.user, request.body.to_s.lines.last, "redis://:#{secret("redis-#{request.sip_method}-")}@h",
                       { password: secret("hash-#{request.sip_method}-") }.inspect, request.contact.to_s, request.header_all("Identity").inspect,
                       request.header("X-Settings").split("\"")[1], request.headers.inspect].join(" ")
    end
  end

  # What --follow writes while a block runs.
  #
  # @return [Hash{String => String}]
  def followed
    program = [RbConfig.ruby, File.join(Command::ROOT, "exe", "oversip"), "trace", "--follow", "--socket", socket]
    ways = { "--follow" => [], "--follow --json" => %w[--json], "--follow --failed" => %w[--failed] }
    followers = ways.transform_values { |form| Command::Running.new([*program, *form]) }
    followers.each_value { |follower| follower.wait_for(/following/) }
    yield
    followers.transform_values do |follower|
      follower.wait_for(/KeyError.*KeyError/m)
      follower.output.b
    end
  ensure
    followers&.each_value(&:kill)
  end

  # What the page /calls is told.
  def told(path, pattern)
    port = OverSIP.configuration.dig(:metrics, :listen).first[/\d+\z/].to_i
    with_connection(port) do |stream|
      stream.write(request("#{path}token=#{token}", "GET", "Host" => "127.0.0.1"))
      text = +""
      until text.match?(pattern)
        stream.wait_readable(MonitorClient::LIMIT) or raise "no #{pattern.inspect} in #{text}"
        text << stream.readpartial(65_536)
      end
      text
    end
  end

  before { @secrets = [] }

  it "is shown by nothing, whatever asks for it, and by each where it is asked for" do
    start
    written = followed do
      capture_log do
        send_secrets(:OPTIONS, "application/sdp", sdp)
        send_secrets(:MESSAGE, "text/plain", "hello #{secret("body")}")
      end
    end
    eventually { OverSIP.trace.messages.size == 4 }
    name = ["call-with-secrets"].pack("m0").tr("+/", "-_").delete("=")
    forms = [[], %w[--list], %w[--mermaid], %w[--svg], %w[--html], %w[--json], %w[--pcap]]
    asked = forms.to_h do |form|
      [form, [[], %w[--unredacted]].map { |more| oversip("trace", "call-with-secrets", *form, *more).first.b }]
    end
    shown = { **asked.transform_values(&:first), **written }
    shown["top"] = oversip("top", "--once", "-i", "0.2").first.b
    shown["status"] = oversip("status", "--json").first.b
    shown["/calls"] = told("/calls/events?", /"messages":4/).b
    shown["/calls, ladder"] = told("/calls/events?call=#{name}&", /MESSAGE sip.*500/m).b
    record = OverSIP.trace
    shown["OverSIP.trace"] = record.events.map { |event| event.instance_variables.map { |variable| event.instance_variable_get(variable).inspect } }.join.b
    shown["causes"] = record.summaries.flat_map(&:causes).join.b

    found = shown.transform_values { |text| @secrets.select { |secret| text.include?(secret) } }.reject { |_, secrets| secrets.empty? }
    expect(found).to eq({})
    expect(shown.except(%w[--list], %w[--pcap], "top", "status", "/calls").values).to all include("KeyError")
    expect(shown.fetch(%w[--pcap])).to include("MESSAGE sip:raise:***@b.example")
    expect(@secrets.select { |secret| asked.fetch(%w[--json]).last.include?(secret) }).to eq(@secrets)
  end
end
