# frozen_string_literal: true

require_relative "../support/async_gem"
require_relative "../support/toolkit_world"

# Events would wait for the loop of such a scheduler, which does not run on the dispatcher thread.
RSpec.describe "A Fiber scheduler of a script on the dispatcher thread", :native, if: ASYNC do
  refusal = /dispatcher thread takes no Fiber scheduler .*OverSIP\.await \{ Async/

  # The error of the block, which runs in an event.
  def error_in_event(&)
    start_oversip
    OverSIP::Dispatcher.call(&)
    nil
  rescue OverSIP::Error => e
    e
  end

  { "Async" => -> { Async { nil } }, "Sync" => -> { Sync { nil } },
    "Fiber.set_scheduler" => -> { Fiber.set_scheduler(Object.new) } }.each do |name, set|
    it "is refused: #{name}" do
      expect(error_in_event(&set)).to be_a(OverSIP::RuntimeError).and have_attributes(message: refusal)
    end
  end

  it "is refused in a Fiber of the script, too" do
    expect(error_in_event { Fiber.new { Sync { nil } }.resume }).to have_attributes(message: refusal)
  end

  it "leaves the dispatcher without one, so that its events go on" do
    error_in_event { Sync { nil } }
    expect(OverSIP::Dispatcher.call { [Fiber.scheduler, sleep(0)] }).to eq([nil, 0])
  end

  it "is no matter of other threads" do
    start_oversip
    expect(Thread.new { Sync(&:class) }.value).to eq(Async::Task)
  end

  it "is no matter of a child that an event has forked" do
    start_oversip
    reader, writer = IO.pipe
    pid = OverSIP::Dispatcher.call do
      fork do
        writer.write(Sync { "in the child" })
        exit!(true)
      end
    end
    writer.close
    Process.wait(pid)
    expect(reader.read).to eq("in the child")
  end

  describe "of a simulated world" do
    include ToolkitWorld

    it "is refused in its blocks" do
      open_world { Sync { nil } }
      alice.options("sip:bob@example.com")
      expect(error_texts).to contain_exactly(refusal)
    end

    it "may be around a spec: the blocks wait as on a server" do
      waited = nil
      Sync do
        open_world do |request|
          waited = [Fiber.current.blocking?, sleep(0.01)]
          request.reply(200)
        end
        expect(alice.options("sip:bob@example.com").status).to eq(200)
        @world.close
      end
      expect(waited).to eq([true, 0])
    end
  end
end
