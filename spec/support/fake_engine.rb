# frozen_string_literal: true

# The engine as the Ruby half sees it: a queue of events without sockets or SIP.
class FakeEngine
  # What belongs to the thread and not to the engine.
  REAL = OverSIP::Engine

  attr_reader :options, :calls
  attr_accessor :status
  attr_writer :log_threshold

  def initialize(start_error: nil)
    @start_error = start_error
    @calls = []
    @running = false
  end

  def start(options)
    raise @start_error if @start_error

    @options = options
    @queue = Thread::Queue.new
    @running = true
    options[:listeners].map do |transport, ip, port|
      { transport: transport, ip: ip, port: port.zero? ? 40_000 : port, family: ip.include?(":") ? :ipv6 : :ipv4 }
    end
  end

  def stop(timeout)
    @calls << [:stop, timeout]
    @running = false
    @queue&.close
  end

  def running?
    @running
  end

  def world_open?
    false
  end

  def observe_blocks(_observer); end

  def tell_happenings=(_wanted); end

  def stats
    { dispatched_events: 0 }
  end

  def schedule(seconds, block)
    @calls << [:schedule, seconds]
    @queue << block
  end

  def schedule_first(block)
    schedule(0.0, block)
  end

  # No timer of it is left to run.
  def unschedule(_id)
    false
  end

  def abandon(request)
    @calls << [:abandon, request]
  end

  def freeze
    @calls << [:freeze]
  end

  def advance(seconds)
    @calls << [:advance, seconds]
  end

  def seed(number)
    @calls << [:seed, number]
  end

  def wait_event
    @found = @queue.pop
    !@found.nil?
  end

  def enter_dispatcher
    REAL.enter_dispatcher if NATIVE
  end

  def leave_dispatcher
    REAL.leave_dispatcher if NATIVE
    @calls << [:leave_dispatcher]
  end

  def running_event
    nil
  end

  # Nobody looks for events that take too long.
  def wait_overdue(_limit)
    false
  end

  # So they leave no state.
  def told_of_running(_event) = nil

  def forget_suspended = nil

  # No event of it is about a request.
  def event_context = nil

  # An event that was suspended.
  Suspended = Struct.new(:since)

  def suspend_event
    Suspended.new(clock)
  end

  def resume_event(_suspended)
    yield
  end

  def clock
    0
  end

  def run_event
    @found.call
  end
end
