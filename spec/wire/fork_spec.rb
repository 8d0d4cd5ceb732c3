# frozen_string_literal: true

require_relative "../support/child_script"
require_relative "../support/relay_process"

# A forked child has none of its parent's threads: no engine, no dispatcher.
RSpec.describe "fork", :native do
  include ChildScript
  include RelayProcess

  # A relay of this script's own peers; `child` is a fork's status, and `check` says that the parent's engine works.
  let(:prelude) { <<~RUBY }
    peer = UdpPeer.new
    Thread.new { loop { (request = peer.receive?(60)) && peer.answer(request, 200) } }
    check = -> { puts "parent: \#{send_options { peer.port }}" }

    def child(&block)
      status = Process.wait2(fork(&block)).last
      puts "child: \#{status.exitstatus || status.termsig}"
    end

    def attempt
      yield
      puts "no error"
    rescue OverSIP::RuntimeError => e
      puts e.message
    end
    start_oversip
  RUBY

  it "leaves the child without an engine: calls raise, the child ends, and the parent goes on" do
    output, status = run_script(<<~RUBY)
      #{prelude}
      uac = OverSIP::SIP::Uac.new
      request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1:9" })
      child do
        puts [OverSIP.running?, OverSIP.status.inspect].join(" ")
        [-> { uac.route(request) }, -> { OverSIP.stats }, -> { OverSIP.schedule { nil } }].each { |use| attempt(&use) }
        OverSIP.stop
        GC.start
      end
      check.call
    RUBY
    message = "this process was forked from one that runs OverSIP: call OverSIP.start here to use it\n"
    expect(output).to eq("false nil\n#{message * 3}child: 0\nparent: 200\n")
    expect(status).to be_success
  end

  it "lets the child start an engine of its own beside the parent's" do
    output, status = run_script(<<~RUBY)
      #{prelude}
      theirs = port
      child do
        start_oversip
        own = UdpPeer.new
        Thread.new { own.answer(own.receive, 200) }
        puts "child's own: \#{send_options { own.port }}, another port: \#{port != theirs}"
      end
      check.call
    RUBY
    expect(output).to eq("child's own: 200, another port: true\nchild: 0\nparent: 200\n")
    expect(status).to be_success
  end

  it "works in a callback, and so do system and backticks" do
    output, status = run_script(<<~RUBY)
      #{prelude}
      done = Thread::Queue.new
      OverSIP.schedule do
        child { attempt { OverSIP.stats } }
        child do
          start_oversip
          puts "child: \#{OverSIP.status}"
        end
        puts "system: \#{system("true")}, backticks: \#{`echo yes`.chomp}"
        done << true
      end
      done.pop
      check.call
    RUBY
    expect(output).to match(/\Athis process was forked.*\nchild: 0\nchild: running\nchild: 0\nsystem: true, backticks: yes\nparent: 200\n\z/)
    expect(status).to be_success
  end

  it "keeps the child from answering or routing a request of the parent" do
    output, status = run_script(<<~RUBY)
      #{prelude}
      done = Thread::Queue.new
      on_request do |request|
        proxy = OverSIP::SIP::Proxy.new
        child do
          [-> { request.reply(486) }, -> { proxy.route(request, "127.0.0.1", peer.port) }].each { |use| attempt(&use) }
        end
        request.reply(200)
        done << true
      end
      puts "parent: \#{send_options { port }}"
      done.pop
    RUBY
    expect(output).to match(/\A(this process was forked.*\n){2}child: 0\nparent: 200\n\z/)
    expect(status).to be_success
  end

  it "does no harm while requests are on their way, fifty times" do
    output, status = run_script(<<~RUBY, limit: 30)
      #{prelude}
      on_request { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", peer.port) }
      traffic = Thread.new do
        caller = UdpPeer.new
        loop { caller.send_text(caller.build(:OPTIONS, "sip:bob@b.example"), port) && caller.receive?(0.01) }
      end
      failed = Array.new(50) do
        Process.wait2(fork { [GC.start, OverSIP.stop, start_oversip, OverSIP.stats] }).last
      end.reject(&:success?)
      puts "failed: \#{failed.size}"
      traffic.kill.join
      check.call
    RUBY
    expect([output, status.success?]).to eq(["failed: 0\nparent: 200\n", true])
  end

  it "lets the child count its own figures, also when those of the parent are read meanwhile" do
    output, status = run_script(<<~RUBY, limit: 30)
      #{prelude}
      OverSIP.stop
      counter = OverSIP.metrics.counter(:spec_forks, labels: [:number])
      900.times { |number| counter.increment(number: number) }
      path = File.join(ENV.fetch("XDG_RUNTIME_DIR"), "a.sock")
      OverSIP.start(configuration: { core: { syslog_level: "error", control_socket: path }, sip: { listen_port: 0, enable_ipv6: false } })
      reading = Thread.new do
        loop { UNIXSocket.open(path) { |it| it.write("GET /metrics HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n") && it.read } }
      end
      children = Array.new(100) do
        pid = fork do
          counter.increment(number: 1)
          OverSIP.metrics.gauge(:spec_of_child).set(1)
          exit!(counter.value(number: 1) == 1.0 && counter.value(number: 2) == 0.0 ? 0 : 1)
        end
        deadline = Time.now + 5
        Thread.pass until (ended = Process.wait2(pid, Process::WNOHANG)) || Time.now > deadline
        ended || Process.kill("KILL", pid) && Process.wait2(pid)
      end
      reading.kill.join
      puts "failed: \#{children.count { |_, status| !status.success? }}, parent: \#{counter.value(number: 1)}"
    RUBY
    expect([output, status.success?]).to eq(["failed: 0, parent: 1.0\n", true])
  end

  it "leaves the signals of a server's child to the child" do
    Dir.mktmpdir do |folder|
      File.write(File.join(folder, "oversip.conf"), "sip: {listen_ipv4: 127.0.0.1, listen_port: #{Ports.free}, enable_ipv6: no}")
      File.write(File.join(folder, "proxies.conf"), "default_proxy:\n")
      File.write(File.join(folder, "server.rb"), <<~RUBY)
        module OverSIP::SystemEvents
          def self.on_user_reload
            never = IO.pipe
            child = fork { never.first.read }
            Process.kill("TERM", child)
            log_info "child ended by signal \#{Process.wait2(child).last.termsig}"
          end
        end
      RUBY
      running_oversip("--config-dir", folder) do |server|
        server.wait_for(/running, process/)
        server.signal("USR1")
        server.wait_for(/child ended by signal 15$/, limit: 5)
        server.signal("USR1")
        server.wait_for(/child ended.*child ended by signal 15$/m, limit: 5)
        server.signal("TERM")
        expect(server.status(limit: 5)).to be_success
      end
    end
  end
end
