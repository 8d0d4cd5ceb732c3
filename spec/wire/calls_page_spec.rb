# frozen_string_literal: true

require "json"
require "tmpdir"
require_relative "../support/monitor_client"

# Who may see the page of calls, and what it is told. spec/wire/calls_browser_spec.rb has what a browser makes of it.
RSpec.describe "The page /calls", :native do
  include MonitorClient

  let(:token) { "0123456789abcdef" }
  let!(:alice) { udp_peer }

  def start(**metrics, &script)
    configuration = { metrics: { listen: "127.0.0.1:0", calls_page: true, token: token, **metrics }.compact }
    start_oversip(configuration: configuration, &script || ->(request) { request.reply(486, "Busy Here") })
  end

  # The port that calls are shown on.
  def port
    OverSIP.configuration.dig(:metrics, :listen).first[/\d+\z/].to_i
  end

  def get(path, host: "127.0.0.1:#{port}", **headers)
    ask(path, at: port, headers: { "Host" => host, **headers.transform_keys(&:to_s) })
  end

  # @return [Array(Integer, String)]
  def verdict(path = "/calls?token=#{token}", **headers)
    answer = get(path, **headers)
    [answer.status, answer.body[0, 15]]
  end

  # A request of Alice's, and its answer.
  def call(**options)
    alice.send_text(alice.build(:MESSAGE, "sip:bob@b.example", **options), oversip_port)
    alice.receive
  end

  # The events that come until there is one of this kind.
  #
  # @return [Hash] its data
  def event(kind, call_id: nil)
    query = "token=#{token}#{"&call=#{[call_id].pack("m0").tr("+/", "-_").delete("=")}" if call_id}"
    with_connection(port) do |socket|
      socket.write(request("/calls/events?#{query}", "GET", "Host" => "127.0.0.1"))
      text = +""
      until (data = text[/^event: #{kind}\r?\n(?:[0-9a-f]*\r\n)?data: (.*)\n/, 1])
        socket.wait_readable(MonitorClient::LIMIT) or raise "no #{kind} after #{text}"
        text << socket.readpartial(65_536)
      end
      JSON.parse(data)
    end
  end

  describe "is shown" do
    it "only where the configuration wants it" do
      start(calls_page: nil)
      expect(verdict.first).to eq(404)
    end

    it "only to who has the token" do
      start
      expect(verdict).to eq([200, "<!DOCTYPE html>"])
      expect(verdict("/calls", "Authorization" => "Bearer #{token}").first).to eq(200)
      ["/calls", "/calls?token=", "/calls?token=#{token}0", "/calls?token=#{token[0..-2]}", "/calls/events", "/calls/none"].each do |path|
        expect([path, *verdict(path)]).to eq([path, 403, "the address nee"])
      end
      expect(verdict("/calls", "Authorization" => "Basic #{token}").first).to eq(403)
    end

    it "only by an address of this server, or a name that it knows" do
      start(hosts: ["sip.example.com"])
      ["127.0.0.1", "localhost:#{port}", "[::1]:1", "SIP.example.com:#{port}"].each { |host| expect([host, *verdict(host: host)]).to eq([host, 200, "<!DOCTYPE html>"]) }
      ["evil.example", "127.0.0.1.evil.example", "sip.example.com.evil.example:#{port}", "", "a b"].each do |host|
        expect([host, verdict(host: host).first]).to eq([host, 403])
      end
      twice = with_connection(port) do |socket|
        socket.write("GET /calls?token=#{token} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        read_all(socket)
      end
      expect(twice).to match(%r{\AHTTP/1.1 40[03] })
    end

    it "to nobody who would change something" do
      start
      %w[POST PUT DELETE PATCH OPTIONS].each do |method|
        expect(ask("/calls?token=#{token}", at: port, method: method).status).to eq(405)
      end
    end

    it "with a policy under which nothing of others runs, is asked or sees the address" do
      start
      ["/calls?token=#{token}", "/calls", "/calls/none?token=#{token}"].each do |path|
        expect(get(path).headers).to include("referrer-policy" => "no-referrer", "x-frame-options" => "DENY", "x-content-type-options" => "nosniff",
                                             "cache-control" => "no-store", "cross-origin-resource-policy" => "same-origin")
      end
      page = get("/calls?token=#{token}")
      expect(page.headers["content-security-policy"]).to match(
        /\Adefault-src 'none'; style-src 'sha256-[^' ]+'; script-src 'sha256-[^' ]+'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\z/
      )
      expect(page.body).not_to match(%r{https?://|\son\w+=})
    end
  end

  describe "has a token" do
    attr_reader :log

    def start_logged(**metrics)
      records = capture_log { start_oversip(configuration: { core: { syslog_level: "info" }, metrics: { calls_page: true, listen: "127.0.0.1:0", **metrics } }) { nil } }
      @log = records.map { |record| [record.severity, record.body] }
    end

    it "that was made at the start, and that the log names" do
      start_logged
      expect(log).to include([:info, a_string_matching(%r{\Acalls on http://127\.0\.0\.1:#{port}/calls\?token=[\w-]{32}\z})])
      made = log.map(&:last).join[/token=([\w-]+)/, 1]
      expect(verdict("/calls?token=#{made}").first).to eq(200)
    end

    it "from a file, which the log does not name" do
      Dir.mktmpdir do |dir|
        file = File.join(dir, "token")
        File.write(file, "abcdefghijklmnop\n")
        start_logged(token_file: file)
        expect(log).to include([:info, "calls on http://127.0.0.1:#{port}/calls?token=..., the configured one"])
        expect(verdict("/calls?token=abcdefghijklmnop").first).to eq(200)
      end
    end

    it "of which it says why it cannot be used" do
      Dir.mktmpdir do |dir|
        file = File.join(dir, "token")
        File.write(file, "short")
        expect { start_logged(token_file: file) }.to raise_error(OverSIP::ConfigurationError, "metrics[token_file]: #{file} has to have one word of 16 or more ASCII characters")
        allow(File).to receive(:binread).and_call_original
        allow(File).to receive(:binread).with(file).and_raise(Errno::EACCES.new("rb_sysopen"))
        expect { start_logged(token_file: file) }.to raise_error(OverSIP::ConfigurationError, "metrics[token_file]: #{file}: Permission denied")
        expect { start_logged(token_file: file, token: token) }.to raise_error(OverSIP::ConfigurationError, "metrics[token] and metrics[token_file]: only one of them can be set")
        expect { start_logged(token: "short") }.to raise_error(OverSIP::ConfigurationError, /at least 16/)
      end
    end

    it "but warns where others may read it on its way" do
      start_logged(listen: "0.0.0.0:0")
      expect(log).to include([:warn, a_string_starting_with("metrics[calls_page]: 0.0.0.0:#{port} is no loopback address: whoever reads the token on its way")])
    end
  end

  describe "is told" do
    it "of a call that the script leaves unanswered as one that has ended" do
      start { nil }
      alice.send_text(alice.build(:INVITE, "sip:bob@b.example"), oversip_port)
      row = eventually { event("calls")["calls"].find { |call| call["outcome"] != "pending" } }
      expect(row).to include("status" => nil, "outcome" => "none", "goes_on" => false)
    end

    it "of all calls at first, and then of those to which something happens" do
      start
      call(call_id: "first")
      call(call_id: "second")
      calls = event("calls")
      expect(calls).to include("whole" => true, "most" => 2, "server" => "oversip", "now" => be_within(60).of(Time.now.to_f))
      expect(calls["calls"].map { |row| row.values_at("call_id", "method", "from", "to", "status", "reason", "outcome", "goes_on", "messages") })
        .to eq(%w[first second].map { |id| [id, "MESSAGE", "sip:alice@a.example", "sip:bob@b.example", 486, "Busy Here", "failure", false, 2] })
    end

    it "of the ladder of a call, without what is secret" do
      start
      call(call_id: "a/b+?{}@c", headers: { "From" => "<sip:alice@a.example>;tag=1", "Authorization" => "Digest username=\"alice\", response=\"secret-answer\"" })
      drawn = event("ladder", call_id: "a/b+?{}@c")
      expect(drawn.keys).to contain_exactly("ladder", "articles", "style")
      expect(drawn["ladder"]).to include("486 Busy Here", "on_request").and start_with("<section")
      expect(drawn["articles"]).to include("MESSAGE sip:bob@b.example", "Redacted: Authorization")
      expect(drawn.values.join).not_to include("secret-answer")
    end

    it "of a password in a URI by nothing" do
      start
      call(call_id: "c", headers: { "From" => "<sip:alice:secret@a.example>;tag=1" })
      expect(JSON.generate([event("calls"), event("ladder", call_id: "c")])).to include("sip:alice@a.example").and(satisfy { |text| !text.include?("secret") })
    end

    it "that a call is not kept, and that Ruby draws nothing" do
      start
      expect(event("gone", call_id: "none")).to eq({})
      call(call_id: "c")
      allow(OverSIP::CallsPage).to receive(:ladder).and_return(nil)
      expect(event("silent", call_id: "c")).to eq({})
    end

    it "of no more of a long call than can be read" do
      start
      201.times { |cseq| call(call_id: "c", cseq: cseq + 1) }
      allow(JSON).to receive(:parse).and_call_original
      drawn = event("ladder", call_id: "c")
      expect(JSON).to have_received(:parse).at_most(OverSIP::CallsPage::MOST_EVENTS + 50).times
      expect(drawn["ladder"]).to match(/\d+ earlier events are not shown here: oversip trace has them/)
      expect(drawn["ladder"].scan("<li>").size).to be_between(100, OverSIP::CallsPage::MOST_EVENTS + 10)
    end

    it "of no more messages than a browser takes" do
      start
      body = "v=0\r\n#{"a=x:#{"x" * 990}\r\n" * 40}"
      10.times { |cseq| call(call_id: "c", cseq: cseq + 1, body: body, headers: { "Content-Type" => "application/sdp" }) }
      drawn = event("ladder", call_id: "c")
      expect(drawn["ladder"]).to include("earlier events are not shown here")
      expect(drawn["articles"].scan("<article").size).to be_between(8, 14)
    end

    it "of no secret that a message has shown which is not drawn any more" do
      start { |request| request.header("X-Settings") ? request.reply(486, "Busy Here") : raise(KeyError, "no hunter22") }
      body = "v=0\r\n#{"a=x:#{"x" * 990}\r\n" * 40}"
      call(call_id: "c", cseq: 1, headers: { "X-Settings" => "password=hunter22" })
      capture_log { 9.times { |cseq| call(call_id: "c", cseq: cseq + 2, body: body, headers: { "Content-Type" => "application/sdp" }) } }
      drawn = event("ladder", call_id: "c")
      expect(drawn["ladder"]).to include("earlier events are not shown here", "raised KeyError: no ***")
      expect(drawn.values.join).not_to match(/X-Settings|hunter22/)
      capture_log { 401.times { |cseq| call(call_id: "c", cseq: cseq + 20) } }
      expect(event("ladder", call_id: "c")["ladder"]).to match(/raised KeyError(?!:)/)
    end

    it "nothing by a request that names no call, or when too many ask" do
      start
      expect(get("/calls/events?token=#{token}&call=*").status).to eq(400)
      held = Array.new(16) do
        TCPSocket.new("127.0.0.1", port).tap do |socket|
          opened << socket
          socket.write(request("/calls/events?token=#{token}", "GET", "Host" => "127.0.0.1"))
          socket.wait_readable(MonitorClient::LIMIT)
        end
      end
      expect(held.size).to eq(16)
      expect(get("/calls/events?token=#{token}").status).to eq(503)
    end
  end

  describe "that has nothing to show, or nowhere to be," do
    def log_of(**sections)
      capture_log { start_oversip(configuration: { core: { syslog_level: "info" }, **sections }) { nil } }.map(&:body)
    end

    it "is off, which a start says in place of its address" do
      log = log_of(trace: { enabled: false }, metrics: { listen: "127.0.0.1:0", calls_page: true })
      expect(log.grep(/calls/)).to eq(["metrics[calls_page] is off: trace[enabled] is no, so that there are no calls to show"])
      expect(verdict.first).to eq(404)
      OverSIP.stop(timeout: 0)
      log = log_of(metrics: { calls_page: true })
      expect(log.grep(/calls/)).to eq(["metrics[calls_page] is off: metrics[listen] names no address to serve it on"])
      expect(OverSIP.configuration.dig(:trace, :enabled)).to be(false)
    end
  end
end
