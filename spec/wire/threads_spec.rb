# frozen_string_literal: true

require_relative "../support/child_script"

# Threads of Ruby are no native threads for certain: with RUBY_MN_THREADS=1 (Ruby 3.3 and later) many of them take turns on a
# few native ones. Which of them is the dispatcher is told by the Thread.
RSpec.describe "Threads of a script", :native do
  include ChildScript

  # Blocks that nest `route`, a dispatcher that waits between events, and other threads that run on its native thread meanwhile.
  def script
    <<~RUBY
      bob = UdpPeer.new
      Thread.new { loop { bob.answer(bob.receive(limit: 60), 200) } }
      start_oversip
      request = -> { OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@127.0.0.1:\#{bob.port}" }) }
      on_dispatcher = Thread::Queue.new
      40.times do
        OverSIP.schedule do
          begin
            Fiber.new { OverSIP::SIP::Uac.new.call(request.call) }.resume
          rescue OverSIP::RuntimeError => e
            on_dispatcher << e.message[/this Fiber cannot be suspended/]
          end
        end
      end
      callers = Array.new(20) do
        Thread.new do
          Array.new(5) do
            status = OverSIP::SIP::Uac.new.call(request.call, timeout: 60).status_code
            routed = Thread::Queue.new
            uac = OverSIP::SIP::Uac.new
            uac.on_target { routed << Thread.current.name }
            uac.route(request.call)
            [status, routed.pop]
          rescue OverSIP::Error => e
            e.message
          end
        end
      end
      p callers.flat_map(&:value).tally
      p Array.new(40) { on_dispatcher.pop }.tally
    RUBY
  end

  { "native threads" => {}, "M:N threads" => { "RUBY_MN_THREADS" => "1" } }.each do |name, environment|
    it "are told from the dispatcher: #{name}" do
      output, status = run_script(script, limit: 120, environment: environment)
      expect(status).to be_success, output
      expect(output.lines.map(&:chomp).last(2)).to eq([{ [200, "oversip dispatcher"] => 100 }.inspect, { "this Fiber cannot be suspended" => 40 }.inspect])
    end
  end
end
