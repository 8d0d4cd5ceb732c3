# frozen_string_literal: true

require_relative "../support/child_script"

# In a callback, `exit` ends the process in order: the main thread leaves with that status, at_exit blocks and
# on_terminated run, the engine goes down.
RSpec.describe "exit", :native do
  include ChildScript

  # What a callee and a caller do so that a Client's event comes.
  ways = {
    "target" => "",
    "error" => "",
    "provisional_response" => "callee.answer(callee.receive, 180)",
    "success_response" => "callee.answer(callee.receive, 200)",
    "failure_response" => "callee.answer(callee.receive, 486)",
    "canceled" => <<~RUBY,
      callee.answer(callee.receive, 180)
      caller.receive_until { |response| response.status == 180 }
      caller.send_text(caller.companion(invite, :CANCEL), port)
    RUBY
    "invite_timeout" => <<~RUBY
      callee.answer(callee.receive, 180)
      caller.receive_until { |response| response.status == 180 }
      OverSIP::Testing.advance(8)
    RUBY
  }

  ways.each do |event, way|
    it "in on_#{event}" do
      output, status = run_script(<<~RUBY)
        caller, callee = UdpPeer.new, UdpPeer.new
        at_exit { puts "at_exit" }
        OverSIP::SystemCallbacks.on_terminated { |error| puts "terminated \#{error}" }
        on_request do |request|
          proxy = OverSIP::SIP::Proxy.new
          proxy.on_#{event} { exit 5 }
          proxy.route(request, "127.0.0.1", callee.port#{", :tls" if event == "error"})
        end
        start_oversip(proxies: { default_proxy: { timer_C: 8 } })
        OverSIP::Testing.freeze
        invite = caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), port)
        #{way}
        wait
      RUBY
      expect([output, status.exitstatus]).to eq(["terminated false\nat_exit\n", 5])
    end
  end

  %w[on_initialize on_started].each do |event|
    it "in #{event} leaves OverSIP.start with it, and nothing runs" do
      output, status = run_script(<<~RUBY)
        OverSIP::SystemEvents.define_singleton_method(:#{event}) { exit 5 }
        begin
          start_oversip
        rescue SystemExit => e
          puts "status \#{e.status}, running: \#{OverSIP.running?}"
          raise
        end
      RUBY
      expect([output, status.exitstatus]).to eq(["status 5, running: false\n", 5])
    end
  end

  it "in a block given to OverSIP.schedule" do
    output, status = run_script("start_oversip\nOverSIP.schedule { exit 5 }\nwait")
    expect([output, status.exitstatus]).to eq(["", 5])
  end

  it "in on_terminated does not prevent the end" do
    output, status = run_script(<<~RUBY)
      OverSIP::SystemCallbacks.on_terminated { exit 5 }
      start_oversip
      OverSIP.stop
      puts "stopped"
    RUBY
    expect([output, status.exitstatus]).to eq(["stopped\n", 0])
  end

  it "in a callback whose Fiber was suspended and resumed" do
    output, status = run_script(<<~RUBY)
      start_oversip
      suspended = Thread::Queue.new
      OverSIP.schedule do
        suspended << Fiber.current
        Fiber.yield
        exit 5
      end
      fiber = suspended.pop
      OverSIP.schedule { fiber.resume }
      wait
    RUBY
    expect([output, status.exitstatus]).to eq(["", 5])
  end

  it "at the end of the script leaves the engine to at_exit blocks set after it started, and takes it from those set before" do
    output, status = run_script(<<~RUBY)
      at_exit { puts "set before: \#{OverSIP.running?}" }
      OverSIP::SystemCallbacks.on_terminated { puts "on_terminated: \#{OverSIP.running?}" }
      start_oversip
      peer = UdpPeer.new
      Thread.new { peer.answer(peer.receive, 200) }
      at_exit { puts "set after: \#{OverSIP.running?}, OPTIONS \#{send_options { peer.port }}" }
    RUBY
    expect(output).to eq("set after: true, OPTIONS 200\non_terminated: true\nset before: false\n")
    expect(status).to be_success
  end
end
