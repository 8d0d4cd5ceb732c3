# frozen_string_literal: true

require "tmpdir"
require_relative "../support/command"
require_relative "../support/ports"

# Exceptions in a callback that mean the end of the process: the main thread raises them, and the engine goes down in order.
RSpec.describe "An exception that ends the process", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  # How the process of a script ends that meets it.
  ends = {
    "exit 3" => ["SystemExit", ->(status) { status.exitstatus == 3 }],
    "raise Interrupt" => ["Interrupt", ->(status) { status.termsig == Signal.list["INT"] }],
    "raise SignalException, 'TERM'" => ["SignalException", ->(status) { status.termsig == Signal.list["TERM"] }],
    "raise NoMemoryError" => ["NoMemoryError", ->(status) { status.exitstatus == 1 }]
  }

  # A script that uses the library and says which exception its main thread got.
  def library_script(on_request)
    <<~RUBY
      require "oversip"
      def (OverSIP::SipEvents).on_request(request)
        #{on_request}
      end
      OverSIP.start(configuration: { sip: { listen_port: #{@port = Ports.free}, enable_ipv6: false } })
      begin
        $stdout.puts "listening"
        $stdout.flush
        Thread::Queue.new.pop
      rescue Exception => e
        $stdout.puts "main thread got \#{e.class}, running: \#{OverSIP.running?}"
        $stdout.flush
        raise
      end
    RUBY
  end

  def run_script(text)
    process = Command::Running.new([RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"), "-e", text])
    process.wait_for(/listening/)
    yield
    [process.status, process.output]
  ensure
    process&.kill
  end

  def send_from(peer, method)
    peer.send_text(peer.build(method, "sip:bob@b.example"), @port)
  end

  ends.each do |way, (name, ended)|
    it "is raised in the main thread for `#{way}` in on_request, and the request gets 500" do
      status, output = run_script(library_script(way)) do
        send_from(alice, :OPTIONS)
        response = alice.receive
        expect([response.first_line, response.body]).to eq(["SIP/2.0 500 Internal Error", ""])
      end
      expect(output).to include("main thread got #{name}, running: true")
      expect(status).to satisfy(&ended)
    end

    it "is raised in the main thread for `#{way}` in on_target, and the request gets 500" do
      script = library_script(<<~RUBY)
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_target { #{way} }
        proxy.route(request, "127.0.0.1", #{bob.port})
      RUBY
      status, output = run_script(script) do
        send_from(alice, :INVITE)
        expect(alice.receive_final.first_line).to eq("SIP/2.0 500 Internal Error")
      end
      expect(output).to include("main thread got #{name}")
      expect(status).to satisfy(&ended)
    end

    it "is raised in the main thread for `#{way}` in the callback of a response" do
      script = library_script(<<~RUBY)
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_success_response { #{way} }
        proxy.route(request, "127.0.0.1", #{bob.port})
      RUBY
      status, output = run_script(script) do
        send_from(alice, :OPTIONS)
        bob.answer(bob.receive, 200, "OK")
      end
      expect(output).to include("main thread got #{name}")
      expect(status).to satisfy(&ended)
    end
  end

  it "does not end the engine when the main thread rescues it" do
    script = <<~RUBY
      require "oversip"
      def (OverSIP::SipEvents).on_request(request)
        request.sip_method == :OPTIONS ? exit(3) : request.reply(200)
      end
      OverSIP.start(configuration: { sip: { listen_port: #{@port = Ports.free}, enable_ipv6: false } })
      goes_on = Thread::Queue.new
      Signal.trap("USR1") { goes_on << true }
      OverSIP::SystemCallbacks.on_terminated { $stdout.puts "terminated" }
      begin
        $stdout.puts "listening"
        $stdout.flush
        Thread::Queue.new.pop
      rescue SystemExit
        $stdout.puts "rescued"
        $stdout.flush
      end
      goes_on.pop
    RUBY
    process = Command::Running.new([RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"), "-e", script])
    process.wait_for(/listening/)
    send_from(alice, :OPTIONS)
    expect(alice.receive.status).to eq(500)
    process.wait_for(/rescued/)
    send_from(alice, :MESSAGE)
    expect(alice.receive.status).to eq(200)
    process.signal("USR1")
    expect(process.status).to be_success
    expect(process.output).to include("terminated")
  ensure
    process&.kill
  end

  it "in a server is what TERM is: on_terminated runs, status 0" do
    Dir.mktmpdir do |folder|
      port = @port = Ports.free
      File.write(File.join(folder, "oversip.conf"), <<~YAML)
        sip:
          listen_ipv4: 127.0.0.1
          enable_ipv6: no
          listen_port: #{port}
      YAML
      File.write(File.join(folder, "proxies.conf"), "default_proxy:\n  use_dns: yes\n")
      File.write(File.join(folder, "server.rb"), <<~RUBY)
        def (OverSIP::SipEvents).on_request(request)
          exit 7
        end

        def (OverSIP::SystemEvents).on_terminated(error)
          log_notice "terminated, error: \#{error}"
        end
      RUBY
      extend(Command)
      running_oversip("--config-dir", folder) do |server|
        server.wait_for(/running, process/)
        send_from(alice, :OPTIONS)
        expect(alice.receive.first_line).to eq("SIP/2.0 500 Internal Error")
        expect(server.status.exitstatus).to eq(0)
        expect(server.output).to include("terminated, error: false")
      end
    end
  end
end
