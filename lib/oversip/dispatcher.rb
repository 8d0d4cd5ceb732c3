# frozen_string_literal: true

require "oversip/dispatcher/call_end"
require "oversip/dispatcher/event_fibers"
require "oversip/dispatcher/limits"
require "oversip/dispatcher/observed_events"
require "oversip/dispatcher/outcome"
require "oversip/dispatcher/scheduler_guard"
require "oversip/dispatcher/waits"
require "oversip/dispatcher/watch"
require "oversip/dispatcher/world_fibers"
require "oversip/script_hints"

module OverSIP
  # The one thread on which the blocks of scripts run. It waits for events of the engine without the interpreter's lock and
  # runs each in a Fiber of its own, so that a suspended Fiber delays no other event.
  #
  # @api private
  module Dispatcher
    autoload :FiberScheduler, "oversip/dispatcher/fiber_scheduler"

    extend Logger
    extend Waits

    # Exceptions that end the process rather than one callback.
    FATAL = [SystemExit, SignalException, NoMemoryError].freeze

    KILLED = "the dispatcher thread was killed"

    @thread = nil
    @closing = true
    @stages = {}.compare_by_identity

    class << self
      # Starts the thread. The engine must be running.
      def start
        @closing = false
        @held_up_told = false
        @stages.clear
        @scheduled = scheduled?
        @scheduler = nil
        Limits.install
        spawn
        limit = OverSIP.configuration&.dig(:core, :callback_warning_time).to_i
        @watch = Watch.new(limit).start if limit.positive?
      end

      # Ends the thread, after the end of the engine. The queue is closed then, so the thread ends by itself unless a block
      # does not return.
      #
      # @param timeout [Numeric] seconds after which a block that still runs is cut off
      def stop(timeout)
        @closing = true
        thread = @thread
        @watch&.stop
        @watch = nil
        close_limits
        return if thread.nil? || thread == Thread.current || thread.join(thread.equal?(@cut_off) ? 0 : timeout)

        cut_off(thread, timeout) && thread.join(timeout)
      ensure
        # Until then what its blocks call is called on the dispatcher.
        @thread = @cut_off = nil
      end

      # Runs a block of the server's life cycle under its own name: for the engine it is a scheduled block.
      #
      # @param name [String] what {Watch} calls it in the log
      # @yieldparam name [String]
      def stage(name)
        fiber = Fiber.current
        former = @stages[fiber]
        @stages[fiber] = name
        yield name
      ensure
        former ? @stages[fiber] = former : @stages.delete(fiber)
      end

      # Runs an event method of the server, or a block registered for such an event, as a {stage}.
      #
      # @param place [Module] {SystemEvents} or {SystemCallbacks}
      # @param event [Symbol]
      # @param callable [#call]
      # @param guarded [Boolean] whether its exceptions are logged and end here, see {guard}
      def system_callback(place, event, callable = place.method(event), arguments = [], guarded: false)
        run = -> { AroundCallback.run(event, place, arguments, callable) }
        stage("#{place.name.split("::").last}.#{event}") { |name| guarded ? guard(name, &run) : run.call }
      end

      # @param fiber [Fiber]
      # @return [String, nil] the name of the {stage} that it is in
      def stage_of(fiber)
        @stages[fiber]
      end

      # @return [String, nil] the name of the {stage} that runs, rather than waits
      def running_stage
        waiting = suspended_events.map(&:first)
        @stages.to_a.find { |fiber, _| !waiting.include?(fiber) }&.last
      end

      # Waits until the dispatcher has run the events queued now.
      #
      # @param timeout [Numeric] seconds
      # @return [Boolean] false: they take longer
      def caught_up?(timeout)
        call(timeout: timeout) { true } == true
      end

      # Runs a block on the dispatcher before all events that are queued, and waits for its end.
      #
      # @param busy [Numeric, nil] for how many seconds the dispatcher has run a block that does not come back: it is cut off
      # @param patience [Numeric] seconds that this one has to come to its end then; the block is not waited for any longer
      # @param timeout [Numeric, nil] seconds for the block itself
      # @param outcome [Outcome] of the block; may be settled by another thread too, which ends the wait
      def call_first(busy:, patience:, timeout:, outcome:, &block)
        thread = @thread
        begun = Outcome.new
        Engine.schedule_first(lambda do
          begun.settle(:returned, true)
          capture(outcome, &block)
        end)
        return outcome.value(timeout) unless busy

        cut_off(thread, busy)
        outcome.value(timeout) if begun.value(patience)
      end

      # Forgets the thread without touching it: after fork it does not exist in the child.
      def forget
        @closing = true
        @thread = nil
        @watch = nil
        @limits = nil
        @fibers = nil
        @scheduler = nil
        @stages.clear
      end

      # A simulated world is open: this thread runs its events, when the world is stepped.
      #
      # @param world [Engine::World]
      def enter_world(world)
        raise OverSIP::RuntimeError, SchedulerGuard::TAKEN if scheduled? && Fiber.scheduler

        @thread = Thread.current
        @held_up_told = false
        Limits.install
        @fibers = WorldFibers.new(world, scheduled: scheduled?)
        Waiting.enter_world
        OverSIP.root_fiber = Fiber.current
        set_scheduler if scheduled?
      end

      # The entry of the world for an event: runs it in a Fiber of its own.
      def run_event_of_world
        @fibers.run_event
      end

      # The world is closed.
      def leave_world
        fibers = @fibers
        scheduled = scheduler
        close_limits
        forget
        Fiber.set_scheduler(nil) if scheduled
        Waiting.leave_world
        OverSIP.root_fiber = nil
        fibers.close
      end

      # @return [Integer] how many events have suspended their Fiber
      def suspended
        @fibers ? @fibers.suspended : 0
      end

      # @return [Array<Array(Fiber, EventFibers::Suspended)>] the suspended events
      def suspended_events
        @fibers ? @fibers.suspended_events : []
      end

      # Resumes the Fiber of a suspended event: it is the running one, for {Watch} and the engine, as long as it runs.
      #
      # @param exception [Exception, nil] what it meets where it waits
      # @return [Boolean] whether its event was suspended
      def go_on(fiber, exception = nil)
        @fibers ? @fibers.go_on(fiber, exception) : false
      end

      # @return [Boolean] whether events run in this Fiber, rather than that a block has made it
      def event_fiber?(fiber)
        fiber.equal?(OverSIP.root_fiber) || @fibers&.include?(fiber) || false
      end

      # @return [Array<String>, nil] where the dispatcher is just now
      def backtrace
        @thread&.backtrace
      end

      # @return [Boolean] whether its thread waits rather than computes
      def asleep?
        @thread&.status == "sleep"
      end

      # @return [Boolean] whether the caller is the dispatcher thread
      def current?
        @thread == Thread.current
      end

      # The engine's entry for a new request: runs the script's on_request.
      #
      # @return [Exception, nil] what that has raised
      def on_request(request, events = SipEvents)
        ended = false
        events.on_request(request)
        ended = true
        nil
      rescue *FATAL => e
        ended = true
        refuse(request, e)
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException -- ScriptError, SystemStackError and their like must not end the dispatcher
        ended = true
        report("on_request (#{description(request)})", e, ", replying 500", callback: "on_request")
        refuse(request, e) unless stopped?(e)
        e
      ensure
        killed_in(request) unless ended
      end

      # The engine's entry for a client that asks for a WebSocket: runs the script's on_connection.
      #
      # @return [true, Exception] true when it may have one; what the script has raised is answered with 500
      def on_connection(connection, http_request, events = WebSocketEvents)
        events.on_connection(connection, http_request)
        true
      rescue *FATAL
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException -- see on_request
        report("on_connection", e, ", replying 500")
        e
      end

      # The engine's entry for a WebSocket that is gone: runs the script's on_disconnection.
      #
      # @return [Exception, nil] what that has raised
      def on_disconnection(connection, client_closed, events = WebSocketEvents)
        guard("WebSocketEvents.on_disconnection") do
          events.on_disconnection(connection, client_closed)
          nil
        end
      end

      # The engine's entry for a TLS connection that we opened: runs the script's on_server_tls_handshake.
      #
      # @return [true, Exception] true when the connection may be used, else what the script has raised
      def on_server_tls_handshake(connection, pems, events = SipEvents)
        judge("on_server_tls_handshake") { events.on_server_tls_handshake(connection, pems) }
      end

      # The engine's entry for an accepted TLS connection: runs the script's on_client_tls_handshake.
      #
      # @return [true, Exception] true when the connection may be used, else what the script has raised
      def on_client_tls_handshake(connection, pems, events = SipEvents)
        judge("on_client_tls_handshake") { events.on_client_tls_handshake(connection, pems) }
      end

      # The same for a secure WebSocket connection.
      #
      # @return [true, Exception] true when the connection may be used, else what the script has raised
      def on_websocket_client_tls_handshake(connection, pems, events = WebSocketEvents)
        judge("WebSocketEvents.on_client_tls_handshake") { events.on_client_tls_handshake(connection, pems) }
      end

      # Calls the observer of {Engine.observe_blocks} in the place of a block or method.
      #
      # @return [Object] what the observer returns
      def observed(observer, event, subject, arguments, callable)
        observer.call(event, subject, arguments, callable) { callable.call(*arguments) }
      end

      # @param name [Symbol] the name of {SipEvents} or {WebSocketEvents}
      # @return [ObservedEvents] to be called in its place
      def observed_events(observer, name)
        ObservedEvents.new(observer, OverSIP.const_get(name))
      end

      # Logs an exception of a script's block, which must not stop the engine.
      #
      # @param exception [Exception]
      # @param name [String] which callback it was
      def callback_failed(exception, name)
        report("a block given to #{name}#{of_event(Engine.event_context)}", exception, callback: name)
      end

      # Logs an exception of work that nobody waits for.
      #
      # @param exception [Exception]
      # @param work [String] with its place in the script
      # @param event [Hash, nil] the {Engine.event_context} of the event that has begun it
      def work_failed(exception, work, event)
        return if @fibers&.end_by(exception)

        report("the work of #{work}#{of_event(event)}", exception, ", for which nobody waits", callback: work,
                                                                                               context: event)
      end

      # Runs a block. No exception leaves it, except those that end the process.
      #
      # @param name [String] what to call it in the log
      # @return [Object, Exception] what the block returns, or has raised
      def guard(name)
        yield
      rescue *FATAL
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException -- see on_request
        callback_failed(e, name)
        e
      end

      # SystemExit and similar exceptions end the process in order: the main thread raises them.
      #
      # @param exception [Exception] one of {FATAL}
      def end_process(exception)
        main = Thread.main
        main.raise(exception) if main.alive? && main != Thread.current
      end

      # Runs a block of {OverSIP.schedule}.
      def run_scheduled(block, observer)
        work = observer ? -> { observed(observer, :schedule, nil, [], block) } : block
        guard("OverSIP.schedule", &work)
      end

      # The engine's entry for what it has done, while somebody wants to know.
      def happened(list)
        Notifications.happened(list)
      end

      # Runs work of the library on the dispatcher, which no {OverSIP.around_callback} sees.
      #
      # @param name [String] what to call it in the log
      # @param after [Numeric] seconds to wait
      def later(name, after: 0, &work)
        Engine.schedule(after.to_f, -> { guard(name, &work) })
      end

      # Runs a block on the dispatcher and waits for its end, unless the dispatcher is the caller: then it runs at once.
      #
      # @param timeout [Numeric, nil] seconds
      # @param outcome [Outcome] may be settled by another thread too, which ends the wait
      # @return [Object] what the block returned; what it raised is raised here
      def call(timeout: nil, outcome: Outcome.new, &block)
        return yield if current?

        Engine.schedule(0.0, -> { capture(outcome, &block) })
        outcome.value(timeout)
      end

      # @param event [Hash, nil] what is known of it
      # @return [String] tells its request from others; empty when it has none
      def of_event(event)
        event ? " (#{event[:sip_method]} #{event[:ruri]}, Call-ID #{event[:call_id]})" : ""
      end

      # @return [Boolean] whether it has left a block since OverSIP has ended
      def stopped?(exception)
        exception.is_a?(StoppedError) || exception.is_a?(FiberWaits::BlockOver)
      end

      private

      # A peer that was not checked is refused.
      def judge(name)
        yield
        true
      rescue *FATAL
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException -- see on_request
        report(name, e, ", closing the connection")
        e
      end

      # @return [Boolean] false: that was done before, and what its blocks do then does not end
      def cut_off(thread, timeout)
        return false if thread.equal?(@cut_off)

        log_system_warn "a callback still runs after #{timeout} s: it is cut off"
        @cut_off = thread
        thread.kill
        true
      end

      # The line that raised it distinguishes a failure, since its text may come from a peer. All records of one failure have
      # this kind, so that they are written together or not at all.
      #
      # @param place [String] where it was raised
      # @param consequence [String]
      # @param callback [String] which one failed, without anything of the message
      # @param context [Hash, nil] the {Engine.event_context} of its event, where that is not the running one
      def report(place, exception, consequence = "", callback: place, context: nil)
        return stopped(place, context) if stopped?(exception)

        kind = [callback, exception.class.name, exception.backtrace&.first]
        Logger.record(:error, log_id, "exception in #{place}#{consequence}:", [:what, kind], context: context)
        Logger.record(:error, log_id, exception, [:exception, kind], context: context)
        hint = ScriptHints.for(exception)
        Logger.record(:error, log_id, hint, [:hint, kind], context: context) if hint
      end

      # A block that OverSIP's end has ended has not failed.
      def stopped(place, context)
        text = "#{place} waited when OverSIP ended, and was not completed"
        Logger.record(:warn, log_id, text, [:stopped], context: context)
      end

      # The thread inherits the deferral: a kill that comes before it serves would find no `ensure` to run.
      def spawn
        Thread.handle_interrupt(Object => :never) do
          OverSIP.root_fiber = nil
          thread = Thread.new { run }
          thread.name = "oversip dispatcher"
          thread.report_on_exception = true
          @thread = thread
        end
      end

      # @return [Boolean] whether the library's own Fiber scheduler looks after events
      def scheduled?
        OverSIP.configuration&.dig(:core, :fiber_scheduler) == true
      end

      def set_scheduler
        @scheduler = FiberScheduler.new
        Fiber.set_scheduler(@scheduler)
      end

      def run
        # Its first events may run before the thread that has made it goes on.
        @thread = Thread.current
        Engine.enter_dispatcher
        fibers = @fibers = EventFibers.new(scheduled: @scheduled) { |exception| end_process(exception) }
        set_scheduler if @scheduled
        finished = Thread.handle_interrupt(Object => :immediate) { serve(fibers) }
        Thread.handle_interrupt(Object => :immediate) { fibers.end_waits }
      rescue *FATAL => e
        end_process(e)
      rescue Exception => e # rubocop:disable Lint/RescueException -- another thread has raised it here: no event does
        stray = e
      ensure
        # The thread was killed, or died otherwise. The engine still serves, so another thread has to run its events.
        orphaned = !finished && !@closing && @thread == Thread.current && Engine.running?
        end_suspended(fibers, orphaned, stray) if fibers && !finished
        Engine.leave_dispatcher
        replace(stray) if orphaned
      end

      # Blocks that wait when the end of OverSIP cuts off another one meet what they would have met otherwise.
      #
      # @param stray [Exception, nil] what has ended the thread
      def end_suspended(fibers, orphaned, stray)
        return fibers.end_waits unless orphaned

        reason = stray ? "the dispatcher thread was ended by #{described(stray)}" : KILLED
        fibers.give_up(OverSIP.status == :terminating ? StoppedError.new : OverSIP::RuntimeError.new(reason))
      end

      def described(exception)
        "#{exception.class} (#{exception.message})"
      end

      def close_limits
        @limits&.close
        @limits = nil
      end

      # @return [true] when the engine has ended
      def serve(fibers)
        OverSIP.root_fiber = Fiber.current
        fibers.run_event while Engine.wait_event
        true
      end

      # @param stray [Exception, nil] what has ended the thread
      def replace(stray)
        reason = " by #{described(stray)}, which another thread has raised in it" if stray
        log_system_error "the dispatcher thread ended unexpectedly#{reason}: starting another"
        spawn
      end

      # A killed thread runs no rescue. At the end of the engine no request is left to answer.
      def killed_in(request)
        return unless Engine.running?

        exception = OverSIP::RuntimeError.new(KILLED)
        log_system_error "#{KILLED} in on_request (#{description(request)}), replying 500"
        refuse(request, exception)
      end

      # The branches that the script routed before its failure are cancelled: the client has its answer.
      def refuse(request, exception)
        return if request.sip_method == :ACK

        answer_failed(request, exception)
        Engine.abandon(request)
      end

      def answer_failed(request, exception)
        if OverSIP.configuration&.dig(:core, :error_details_on_wire)
          details = "#{exception.class}: #{exception.message}"
          request.reply 500, "Internal Error", ["Content-Type: text/plain"], details
        else
          request.reply 500, "Internal Error"
        end
      rescue StandardError => e
        log_system_error e
      end

      def description(request)
        "#{request.sip_method} #{request.ruri}, Call-ID #{request.call_id}"
      rescue StandardError
        "a request"
      end

      def capture(outcome)
        result = [:raised, OverSIP::RuntimeError.new(KILLED)]
        result = [:returned, yield]
      rescue Exception => e # rubocop:disable Lint/RescueException -- handed to the thread that waits
        result = [:raised, e]
      ensure
        outcome.settle(*result)
      end
    end
  end
end
