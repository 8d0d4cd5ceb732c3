# frozen_string_literal: true

require_relative "../support/server_folder"

# The answers of a server during its start and end, and its messages to the service manager.
RSpec.describe "oversip while it loads and while it ends", :native do
  include ServerFolder

  let(:alice) { udp_peer }

  # An event that suspends its Fiber until a file is there.
  def suspending(event, argument = "")
    <<~RUBY
      def (OverSIP::SystemEvents).#{event}#{argument}
        log_info "#{event} waits"
        fiber = Fiber.current
        look = lambda do
          File.exist?(#{in_folder("go").dump}) ? fiber.resume : OverSIP.schedule(after: 0.02) { look.call }
        end
        OverSIP.schedule { look.call }
        Fiber.yield
        log_info "#{event} goes on"
      end
      def (OverSIP::SipEvents).on_request(request)
        request.reply 200 unless request.sip_method == :ACK
      end
    RUBY
  end

  def ask(method = :OPTIONS)
    alice.send_text(alice.build(method, "sip:bob@b.example"), port)
    alice.receive_final
  end

  def go
    write("go", "")
  end

  it "answers 500 with Retry-After while on_initialize is suspended, and serves afterwards" do
    folder(script: "#{suspending("on_initialize")}\ndef (OverSIP::SystemEvents).on_started = log_info('on_started')")
    running_oversip("--config-dir", @dir) do |server|
      server.wait_for(/on_initialize waits/)
      expect([ask.first_line, ask.header("Retry-After")]).to eq(["SIP/2.0 500 Server Still Loading", "5"])
      alice.send_text(alice.build(:ACK, "sip:bob@b.example"), port)
      go
      server.wait_for(/on_initialize goes on\n.*on_started\n.*running, process/m)
      expect(ask.status).to eq(200)
      expect(server.output).not_to match(/ERROR|CRIT/)
    end
  end

  it "can be ended while on_initialize is suspended" do
    folder(script: suspending("on_initialize"))
    running_oversip("--config-dir", @dir) do |server|
      server.wait_for(/on_initialize waits/)
      server.signal("TERM")
      expect(server.status.exitstatus).to eq(0)
      expect(server.output).not_to include("goes on", "running, process")
    end
  end

  it "answers 500 with Retry-After while on_terminated is suspended; a second TERM changes nothing" do
    folder(script: suspending("on_terminated", "(error)"))
    serving do |server|
      server.signal("TERM")
      server.wait_for(/on_terminated waits/)
      server.signal("TERM")
      expect([ask.first_line, ask.header("Retry-After")]).to eq(["SIP/2.0 500 Server is Being Stopped", "5"])
      go
      expect(server.status.exitstatus).to eq(0)
      expect(server.output).to match(/on_terminated goes on/)
    end
  end

  { "suspended" => "Fiber.yield", "asleep" => "sleep" }.each do |state, way|
    it "ends with a further TERM when on_terminated is #{state} and the log has told of it by its name" do
      folder(script: "#{ServerFolder::ANSWERING}def (OverSIP::SystemEvents).on_terminated(_error) = #{way}", core: "callback_warning_time: 1")
      serving do |server|
        server.signal("TERM")
        server.wait_for(/SystemEvents.on_terminated has been (?:suspended|running) for 1 s; it stands at .*server.rb:2/)
        server.signal("TERM")
        expect(server.status.exitstatus).to eq(0)
        expect(server.output).to match(/WARN: .* TERM received: on_terminated is not waited for any more$/)
      end
    end
  end

  it "ends with status 1 when a start event raises or exits, and says why" do
    { "raise(KeyError, 'no database')" => "no database (KeyError)", "exit(0)" => "exit (SystemExit)" }.each do |way, reason|
      folder(script: "def (OverSIP::SystemEvents).on_started = #{way}\n" \
                     "def (OverSIP::SystemEvents).on_terminated(error) = log_info('on_terminated')")
      error = failure
      expect(error).to include("CRIT: <launcher (master)> error in a start event:\n", "CRIT: <launcher> #{reason}\n")
      expect(error).not_to include("on_terminated")
    end
  end

  it "ends with status 1 and on_terminated(true), then the callbacks reversed, when it cannot go on" do
    folder(script: <<~RUBY)
      def (OverSIP::SystemEvents).on_user_reload = raise(NoMemoryError, "no room")
      def (OverSIP::SystemEvents).on_terminated(error) = log_info("on_terminated \#{error}")
      %w[first second].each do |name|
        OverSIP::SystemCallbacks.on_terminated { |error| OverSIP::SystemEvents.log_info("\#{name} callback \#{error}") }
      end
    RUBY
    serving do |server|
      server.signal("USR1")
      expect(server.status.exitstatus).to eq(1)
      expect(server.output).to include("CRIT: <launcher> no room (NoMemoryError)\n")
      expect(server.output.scan(/\[user\] (.*)/).flatten).to eq(["on_terminated true", "second callback true", "first callback true"])
    end
  end

  it "leaves without at_exit blocks" do
    folder(script: "at_exit { warn 'at_exit' }\ndef (OverSIP::SystemEvents).on_terminated(error) = log_info('on_terminated')")
    serving do |server|
      server.signal("TERM")
      expect(server.status.exitstatus).to eq(0)
      expect(server.output).to include("on_terminated")
      expect(server.output).not_to include("at_exit")
    end
  end

  it "raises the limit of open files as far as it may" do
    folder(script: "warn \"limits \#{Process.getrlimit(:NOFILE)}\"\n" \
                   "def (OverSIP::SystemEvents).on_started = log_info(\"limits \#{Process.getrlimit(:NOFILE)}\")")
    limited = ["sh", "-c", "ulimit -Sn 256; ulimit -Hn 1024; exec \"$@\"", "sh", *command("--config-dir", @dir)]
    server = Command::Running.new(limited)
    server.wait_for(/\[user\] limits \[1024, 1024\]/)
    expect(server.output).to include("limits [256, 1024]")
  ensure
    server&.kill
  end

  it "tells systemd when it is ready, reloads and stops" do
    folder
    Socket.new(:UNIX, :DGRAM).tap { |socket| socket.bind(Socket.pack_sockaddr_un(in_folder("notify"))) }.then do |notify|
      serving(environment: { "NOTIFY_SOCKET" => in_folder("notify") }) do |server|
        expect(notify.recv(1000)).to eq("READY=1")
        server.signal("HUP")
        expect(notify.recv(1000)).to match(/\ARELOADING=1\nMONOTONIC_USEC=\d+\z/)
        expect(notify.recv(1000)).to eq("READY=1")
        server.signal("TERM")
        expect(notify.recv(1000)).to eq("STOPPING=1")
        expect(server.status.exitstatus).to eq(0)
      end
    end
  end
end
