# frozen_string_literal: true

require "open3"
require "tempfile"
require "yaml"
require_relative "../support/certificates"
require_relative "../support/metrics_page"
require_relative "../support/monitor_client"
require_relative "../support/server_folder"

# What a server counts and times, as Prometheus reads it.
RSpec.describe "The metrics of a server", :native do
  include MonitorClient

  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let(:document) { File.read(File.expand_path("../../docs/metrics.md", __dir__)) }

  def with_metrics(**sections)
    { metrics: { listen: ":0" }, **sections }
  end

  def metrics_port
    OverSIP.configuration.dig(:metrics, :listen).first[/\d+\z/].to_i
  end

  def text
    ask("/metrics", at: metrics_port).body
  end

  # Reads until a sample is there.
  #
  # @return [MetricsPage]
  def page_with(sample, value)
    page = nil
    eventually(message: "no #{sample} #{value}") { (page = MetricsPage.new(text))[sample] == value }
    page
  end

  def invite_at_bob
    bob.receive_until { |message| message.method_name == "INVITE" }
  end

  def call(status)
    invite = call_from(alice)
    forwarded = invite_at_bob
    bob.answer(forwarded, 180)
    bob.answer(forwarded, status)
    final = final_for(alice)
    alice.send_text(alice.companion(invite, :ACK), oversip_port) if status >= 300
    final
  end

  def relay(**sections)
    start_relay_to(bob, configuration: with_metrics(**sections)) { |proxy| proxy.on_failure_response { nil } }
  end

  # @return [String] what `promtool check` says of a text
  def promtool(kind, text, *files)
    output, status = Open3.capture2e("promtool", "check", kind, *files, stdin_data: text)
    expect(status).to be_success, output
    output
  end

  # @return [String] queries of a dashboard as rules that promtool reads
  def rules(queries)
    queries = queries.map { |query| query.gsub("$__rate_interval", "5m").gsub("$instance", ".*") }
    rules = queries.each_with_index.map { |query, number| { "record" => "r#{number}", "expr" => query } }
    YAML.dump("groups" => [{ "name" => "dashboard", "rules" => rules }])
  end

  it "count messages, calls, attempts and blocks, and time them" do
    relay
    call(200)
    call(486)
    page = page_with('oversip_calls_ended_total{outcome="4xx"}', 1.0)
    expect(page.samples).to include(
      "oversip_calls_total" => 2.0, "oversip_own_calls_total" => 0.0, 'oversip_calls_ended_total{outcome="answered"}' => 1.0, "oversip_calls_in_progress" => 0.0,
      'oversip_calls_failed_total{by="relayed",status="486"}' => 1.0,
      'oversip_attempts_ended_total{class="2xx",outcome="answered"}' => 1.0, "oversip_attempts_total" => 2.0,
      'oversip_requests_received_total{method="INVITE",transport="udp"}' => 2.0,
      'oversip_responses_received_total{class="1xx",method="INVITE",transport="udp"}' => 2.0,
      'oversip_responses_sent_total{class="2xx",method="INVITE",transport="udp"}' => 1.0,
      "oversip_invite_provisional_seconds_count" => 2.0, 'oversip_invite_final_seconds_count{class="4xx"}' => 1.0,
      "oversip_script_responsive" => 1.0, 'oversip_limit{of="await_running"}' => 16.0
    )
    expect(page['oversip_block_seconds_count{event="on_request"}']).to be >= 2
    expect(page["oversip_queue_seconds_count"]).to be_positive
    expect(page["oversip_interpreter_seconds_total"]).to be_positive
    expect(page["oversip_invite_provisional_seconds_sum"]).to be_between(0, 60)
  end

  it "have none in progress that a script leaves unanswered" do
    start_oversip(configuration: with_metrics) { nil }
    2.times { call_from(alice) }
    page = page_with('oversip_calls_ended_total{outcome="none"}', 2.0)
    expect(page.samples).to include("oversip_calls_total" => 2.0, "oversip_calls_in_progress" => 0.0,
                                    'oversip_calls_failed_total{by="script",status="none"}' => 2.0)
  end

  it "have the same calls as failed as their records" do
    relay(trace: { enabled: true })
    [200, 302, 486].each { |status| call(status) }
    page = page_with('oversip_calls_ended_total{outcome="4xx"}', 1.0)
    failed = page.samples.select { |name, _| name.start_with?("oversip_calls_failed_total") }
    expect(failed).to eq('oversip_calls_failed_total{by="relayed",status="486"}' => 1.0)
    eventually { OverSIP.trace.summaries.size == 3 }
    expect(OverSIP.trace(failed: true).summaries.map(&:status)).to eq([486])
  end

  it "tell a call that its caller has cancelled from one that ends with 487 by itself" do
    relay
    call(487)
    page = page_with('oversip_calls_ended_total{outcome="4xx"}', 1.0)
    expect(page['oversip_calls_failed_total{by="relayed",status="487"}']).to eq(1.0)
    invite = call_from(alice)
    forwarded = invite_at_bob
    bob.answer(forwarded, 180)
    alice.receive_until { |message| message.status.to_i == 180 }
    cancel_from(alice, invite)
    bob.answer(forwarded, 487)
    page = page_with('oversip_calls_ended_total{outcome="cancelled"}', 1.0)
    expect(page['oversip_calls_failed_total{by="relayed",status="487"}']).to eq(1.0)
  end

  it "count statuses that a server makes up by their class" do
    relay
    [456, 457, 466, 699].each { |status| call(status) }
    page = page_with('oversip_calls_failed_total{by="relayed",status="6xx"}', 1.0)
    expect(page['oversip_calls_failed_total{by="relayed",status="4xx"}']).to eq(3.0)
  end

  it "know when the process was started, and the bounds of memory" do
    relay
    started = Time.now.to_f - Open3.capture2("ps", "-o", "etimes=", "-p", Process.pid.to_s).first.to_i
    page = MetricsPage.new(text)
    expect(page["process_start_time_seconds"]).to be_within(3).of(started)
    expect(page['oversip_limit_bytes{of="queued_responses"}']).to eq(OverSIP.configuration[:core][:max_response_bytes])
  end

  it "keep no event waiting while a gauge of the script computes its value" do
    running = false
    OverSIP.metrics.gauge(:spec_busy) { (running = true) && loop { (1..10_000).reduce(:+) } }
    socket = "/tmp/oversip-spec-#{Process.pid}.sock"
    start_oversip(configuration: { core: { control_socket: socket, syslog_level: "crit" } }) { nil }
    asking = Thread.new { loop { ask("/metrics", at: socket) } }
    eventually { running }
    # Ruby alone would let the block go on for a tenth of a second each time.
    expect(seconds_of_events(30)).to be < 1.5
  ensure
    asking&.kill&.join
    OverSIP.metrics.gauge(:spec_busy) { 0 }
  end

  it "stay, and the state with them, whatever the blocks of gauges do" do
    gate = Thread::Queue.new
    begun = Thread::Queue.new
    OverSIP.metrics.gauge(:spec_stuck) { (begun << true) && gate.pop }
    OverSIP.metrics.gauge(:spec_ends) { Thread.current.kill }
    OverSIP.metrics.gauge(:spec_leaves) { exit }
    OverSIP.metrics.gauge(:spec_good) { 7 }
    socket = "/tmp/oversip-spec-#{Process.pid}.sock"
    log = capture_log do
      start_oversip(configuration: { core: { control_socket: socket } }) { nil }
      reading = Thread.new { MetricsPage.new(ask("/metrics", at: socket).body) }
      begun.pop
      # While the block stands.
      expect(ask_json("/status", at: socket)["script"]).to include("suspended_fibers" => 0)
      expect(reading.alive?).to be(true)
      page = reading.value
      expect(page.samples).to include("oversip_script_responsive" => 1.0, "oversip_suspended_fibers" => 0.0)
      2.times { page = MetricsPage.new(ask("/metrics", at: socket).body) }
      expect(page.samples).to include("oversip_script_responsive" => 1.0, "spec_good" => 7.0)
      expect(page["oversip_metric_failures_total"]).to be >= 3
    end
    expect(log.map(&:body).grep(/the block of the gauge spec_(stuck|ends|leaves) at/).size).to eq(3)
  ensure
    %i[spec_stuck spec_ends spec_leaves].each { |name| OverSIP.metrics.gauge(name) { 0 } }
  end

  it "time TLS handshakes, by who has opened the connection" do
    relay(**tls_configuration)
    tls_peer
    page_with('oversip_tls_handshake_seconds_count{opened_by="peer"}', 1.0)
  end

  it "time look-ups" do
    dns = scripted_dns({ "bob.example" => ["127.0.0.1"] })
    start_oversip(configuration: with_metrics(core: { nameservers: [dns.address] })) do |request|
      OverSIP::SIP::Proxy.new.route(request, "bob.example", bob.port)
    end
    call_from(alice)
    bob.receive
    page = page_with("oversip_dns_wait_seconds_count", 1.0)
    expect(page["oversip_dns_wait_seconds_sum"]).to be_between(0, 20)
  end

  it "pass promtool's check, with those of a script" do
    relay
    call(486)
    OverSIP.metrics.counter(:spec_logins, labels: [:outcome], help: "Logins.").increment(outcome: "\"\n\\")
    OverSIP.metrics.histogram(:spec_look_up_seconds, help: "Look-ups.").observe(0.1)
    page_with('oversip_calls_ended_total{outcome="4xx"}', 1.0)
    expect(promtool("metrics", text)).to eq("")
  end

  it "are those that docs/metrics.md lists, each with its type, its labels and what it is" do
    collector = udp_peer
    relay(hep: { collectors: ["udp:#{collector.address}"] }, tls: Certificates.section)
    call(200)
    call(486)
    page = page_with('oversip_calls_ended_total{outcome="4xx"}', 1.0)
    page.metrics.delete_if { |name, _| !name.start_with?("oversip_", "process_") }
    expect(document[/^\| metric \|.*?(?=\n\n|\z)/m].lines(chomp: true)).to eq(page.table)
    expect(page["oversip_certificate_not_after_timestamp_seconds"] - Time.now.to_f).to be_between(0, 4000 * 86_400)
  end

  it "are read by the dashboard: it asks for nothing that is not there" do
    known = document.scan(/^\| `(\w+)` \| (\w+)/).flat_map { |name, type| type == "histogram" ? %w[bucket sum count].map { |part| "#{name}_#{part}" } : name }
    dashboard = JSON.parse(File.read(File.expand_path("../../packaging/grafana-dashboard.json", __dir__)))
    queries = dashboard.fetch("panels").flat_map { |panel| panel.fetch("targets", []).map { |target| target.fetch("expr") } }
    expect(queries.size).to be > 15
    Tempfile.create("rules") do |file|
      File.write(file.path, rules(queries))
      expect(promtool("rules", "", file.path)).to include("SUCCESS: #{queries.size} rules found")
    end
    queries.each do |query|
      names = query.scan(/\b(?:oversip|process)_\w+/)
      expect(names).not_to be_empty, query
      expect(names - known).to be_empty, query
    end
  end

  it "have no label of a peer's making" do
    relay
    bad = alice.build(:OPTIONS, "sip:b.example").sub("OPTIONS", "MADE-UP\"}").sub(/CSeq: (\d+) OPTIONS/, 'CSeq: \1 MADE-UP"}')
    alice.send_text(bad, oversip_port)
    alice.send_text(alice.build(:OPTIONS, "sip:b.example").gsub("OPTIONS", "INVENTED"), oversip_port)
    page_with('oversip_requests_received_total{method="other",transport="udp"}', 1.0)
    expect(text).not_to match(/MADE-UP|INVENTED/)
  end

  it "show a network figures and state, and nothing else" do
    relay
    expect(ask("/health", at: metrics_port)).to have_attributes(status: 200, body: "running\n")
    expect(%w[/status /trace / /calls /metrics/x].map { |path| ask(path, at: metrics_port).status }).to all eq(404)
    expect(%w[POST PUT DELETE].map { |method| ask("/metrics", at: metrics_port, method: method).status }).to all eq(405)
    expect(ask("/metrics", at: metrics_port).headers).to include("content-type" => "text/plain; version=0.0.4; charset=utf-8",
                                                                 "cache-control" => "no-store", "x-content-type-options" => "nosniff")
  end

  it "are shown on this machine by a known name alone, by whichever of its addresses, and so are calls" do
    address = Socket.ip_address_list.find { |found| found.ipv4? && !found.ipv4_loopback? }&.ip_address
    skip "no address here but that of loopback" unless address
    metrics = { listen: "#{address}:0", calls_page: true, token: "0123456789abcdef" }
    capture_log { start_oversip(configuration: { metrics: metrics }) { nil } }
    status = lambda do |path, host|
      socket = TCPSocket.new(address, metrics_port)
      socket.write(request(path, "GET", "Host" => host, "Connection" => "close"))
      answer(read_all(socket), "GET").status
    ensure
      socket&.close
    end
    ["/metrics", "/health", "/calls?token=0123456789abcdef"].each do |path|
      expect([path, status.call(path, "evil.example"), status.call(path, address)]).to eq([path, 403, 200])
    end
  end

  it "are shown to who asks on this machine by an address of this server or a name that it knows, or says no name" do
    start_oversip(configuration: { metrics: { listen: ":0", hosts: ["sip.example.com"] } }) { nil }
    status = ->(path, host) { ask(path, at: metrics_port, headers: { "Host" => host }).status }
    ["127.0.0.1:#{metrics_port}", "192.0.2.1", "[2001:db8::1]:1", "LocalHost", "sip.example.com:9464"].each do |host|
      expect([host, *%w[/health /metrics].map { |path| status.call(path, host) }]).to eq([host, 200, 200])
    end
    # Pages of other sites that have their name lead here.
    ["evil.example", "evil.example:#{metrics_port}", "127.0.0.1.evil.example", ""].each do |host|
      expect([host, *%w[/health /metrics /other].map { |path| status.call(path, host) }]).to eq([host, 403, 403, 403])
    end
    expect(ask("/metrics", at: metrics_port, headers: { "Host" => "evil.example" }).body).to include("metrics[hosts]")
    without = with_connection(metrics_port) { |peer| peer.write("GET /health HTTP/1.0\r\n\r\n") and read_all(peer) }
    expect(without).to start_with("HTTP/1.0 200 OK").and end_with("running\n")
    twice = request("/health", "GET", "Host" => "localhost\r\nHost: localhost", "Connection" => "close")
    expect(with_connection(metrics_port) { |peer| peer.write(twice) and read_all(peer) }).to match(%r{\AHTTP/1\.1 40[03] })
  end

  it "are shown on several addresses, and not where somebody else listens" do
    taken = TCPServer.new("127.0.0.1", 0)
    start_oversip(configuration: { metrics: { listen: ["127.0.0.1:0", "127.0.0.2:0"] } }) { nil }
    expect(OverSIP.configuration[:metrics][:listen]).to match([/\A127\.0\.0\.1:\d+\z/, /\A127\.0\.0\.2:\d+\z/])
    OverSIP.stop(timeout: 0)
    expect { start_oversip(configuration: { metrics: { listen: "127.0.0.1:#{taken.local_address.ip_port}" } }) { nil } }
      .to raise_error(OverSIP::RuntimeError, /metrics cannot be shown on 127\.0\.0\.1:\d+: Address already in use/)
    expect(OverSIP.running?).to be(false)
  ensure
    taken&.close
  end

  it "warn of an address that others reach" do
    log = capture_log { start_oversip(configuration: { metrics: { listen: "0.0.0.0:0" } }) { nil } }
    expect(log.map(&:body).grep(/metrics\[listen\]: 0\.0\.0\.0:\d+ is no loopback address/).size).to eq(1)
    OverSIP.stop(timeout: 0)
    log = capture_log { start_oversip(configuration: { metrics: { listen: "127.0.0.1:0" } }) { nil } }
    expect(log.map(&:body).grep(/loopback/)).to be_empty
  end

  describe "shown to hostile clients" do
    def served
      invite = call_from(alice)
      bob.answer(invite_at_bob, 486)
      final_for(alice).tap { alice.send_text(alice.companion(invite, :ACK), oversip_port) }.status
    end

    it "change nothing for calls: slow ones, many, and big requests" do
      socket = "/tmp/oversip-spec-#{Process.pid}.sock"
      relay(core: { control_socket: socket })
      slow = Array.new(150) { TCPSocket.new("127.0.0.1", metrics_port) }
      slow.each { |peer| peer.write("GET /metrics HTTP/1.1\r\nHost: a\r\nX: ") }
      expect(served).to eq(486)
      expect([socket, metrics_port].map { |at| ask("/health", at: at).status }).to eq([200, 200])
      slow.each(&:close)

      with_connection(metrics_port) do |peer|
        peer.write("GET /#{"x" * 100_000} HTTP/1.1\r\nHost: a\r\n\r\n")
      rescue Errno::EPIPE, Errno::ECONNRESET
        nil
      ensure
        expect(read_all(peer)).to match(%r{\A(?:HTTP/1\.1 4\d\d |\z)})
      end
      with_connection(metrics_port) { |peer| peer.write("\x00\xff\r\n\r\n") and expect(read_all(peer)).to match(%r{\A(?:HTTP/1\.1 400 |\z)}) }
      expect(served).to eq(486)
    ensure
      slow&.each(&:close)
    end

    [100, 1000].each do |number|
      it "answer at once while #{number} idle connections stand" do
        limit = Process.getrlimit(:NOFILE)
        Process.setrlimit(:NOFILE, limit.last)
        relay
        idle = Array.new(number) { TCPSocket.new("127.0.0.1", metrics_port) }
        began = OverSIP::Deadline.now
        expect(%w[/health /metrics].map { |path| ask(path, at: metrics_port).status }).to eq([200, 200])
        # An idle one may stay for five seconds.
        expect(OverSIP::Deadline.now - began).to be < 2
      ensure
        idle&.each(&:close)
        Process.setrlimit(:NOFILE, *limit)
      end
    end

    it "answer at once while others keep their connections after an answer" do
      relay
      idle = Array.new(60) do
        TCPSocket.new("127.0.0.1", metrics_port).tap { |peer| peer.write(request("/health")) and peer.readpartial(4096) }
      end
      began = OverSIP::Deadline.now
      expect(ask("/metrics", at: metrics_port).status).to eq(200)
      expect(OverSIP::Deadline.now - began).to be < 2
      # The first one had to leave.
      expect(idle.first.wait_readable(5) && idle.first.read_nonblock(1, exception: false)).to be_nil
    ensure
      idle&.each(&:close)
    end

    it "answer soon while others ask and do not wait for the answer" do
      relay
      %w[localhost evil.example].each do |host|
        300.times { with_connection(metrics_port) { |peer| peer.write(request("/metrics", "GET", "Host" => host)) } }
      end
      began = OverSIP::Deadline.now
      expect(ask("/metrics", at: metrics_port).status).to eq(200)
      expect(OverSIP::Deadline.now - began).to be < 3
    end

    it "answer soon while others ask for more than their turns, and count who has to make room" do
      socket = "/tmp/oversip-spec-#{Process.pid}.sock"
      relay(core: { control_socket: socket })
      asking = Array.new(48) { TCPSocket.new("127.0.0.1", metrics_port).tap { |peer| peer.write(request("/health") * 100) } }
      expect(ask("/health", at: metrics_port)).to have_attributes(status: 200)
      page = MetricsPage.new(ask("/metrics", at: socket).body)
      expect(page['oversip_monitor_refused_total{reason="idle",socket="network"}']).to be_between(1, 2)
      expect(page['oversip_monitor_connections{socket="network"}']).to be_between(40, 48)
      expect(page["oversip_limit{of=\"monitor_connections\"}"]).to eq(64.0)
    ensure
      asking&.each(&:close)
    end

    it "count when they ask by a name that is none of the server's" do
      socket = "/tmp/oversip-spec-#{Process.pid}.sock"
      relay(core: { control_socket: socket })
      2.times { ask("/metrics", at: metrics_port, headers: { "Host" => "evil.example" }) }
      page = MetricsPage.new(ask("/metrics", at: socket).body)
      expect(page['oversip_monitor_refused_total{reason="host",socket="network"}']).to eq(2.0)
      expect(page['oversip_monitor_connections{socket="control"}']).to eq(1.0)
    end

    it "are cut off when they do not ask in time" do
      relay
      with_connection(metrics_port) do |peer|
        peer.write("GET /metrics HTTP/1.1\r\n")
        expect(read_all(peer)).to match(%r{\A(?:HTTP/1\.1 408 |\z)})
      end
    end

    it "are slowed down when they ask without end" do
      relay
      answered = 0
      asking = Array.new(4) do
        Thread.new { with_connection(metrics_port) { |peer| loop { peer.write(request("/health")) and peer.readpartial(4096) and answered += 1 } } }
      end
      eventually { answered > 100 } # a few are answered at once
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      eventually { answered > 130 }
      expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).to be > 0.3
      expect(served).to eq(486)
    ensure
      asking&.each(&:kill)&.each(&:join)
    end
  end

  describe "of the command" do
    include ServerFolder

    it "count reloads, by whether all files were taken" do
      folder
      Dir.mkdir(in_folder("run"))
      serving(environment: { "XDG_RUNTIME_DIR" => in_folder("run") }) do |server|
        socket = in_folder("run/oversip/oversip.sock")
        reloads = ->(result) { MetricsPage.new(ask("/metrics", at: socket).body)["oversip_reloads_total{result=\"#{result}\"}"] }
        server.signal("HUP")
        eventually { reloads.call("ok").positive? }
        write("proxies.conf", "default_proxy: {timer_B: no}\n")
        server.signal("HUP")
        eventually { reloads.call("failed").positive? }
        expect(reloads.call("ok")).to eq(1.0)
      end
    end

    it "have the datagrams that the system had no room for" do
      folder
      Dir.mkdir(in_folder("run"))
      serving(environment: { "XDG_RUNTIME_DIR" => in_folder("run") }) do |server|
        server.signal("STOP")
        sender = UDPSocket.new
        20_000.times { sender.send("x" * 1_000, 0, "127.0.0.1", port) }
        server.signal("CONT")
        drops = MetricsPage.new(ask("/metrics", at: in_folder("run/oversip/oversip.sock")).body)["oversip_udp_kernel_drops_total"]
        expect(drops).to be_between(1, 20_000)
      ensure
        sender&.close
      end
    end

    it "say that Ruby does not answer, and show all the same what it need not be asked for" do
      folder(script: ServerFolder::COMPUTING)
      Dir.mkdir(in_folder("run"))
      serving(environment: { "XDG_RUNTIME_DIR" => in_folder("run") }) do |server|
        alice.send_text(alice.build(:OPTIONS, "sip:b.example"), port)
        server.wait_for(/computing/)
        page = nil
        # The block may not have begun to compute.
        eventually { (page = MetricsPage.new(ask("/metrics", at: in_folder("run/oversip/oversip.sock")).body))["oversip_script_responsive"].zero? }
        expect([page["oversip_requests"], page.metrics["oversip_suspended_fibers"]]).to eq([1.0, nil])
        expect(page["oversip_running_event_seconds"]).to be > 0.5
      end
    end
  end
end
