# frozen_string_literal: true

require "io/wait"
require "oversip/fiber_state"

module OverSIP
  module Dispatcher
    module Scheduling
      # Waits for sockets, pipes and other descriptors, as part of {FiberScheduler}.
      #
      # @api private
      module Descriptors
        CLOSED = "stream closed while a block waited for it"
        # Seconds for which a thread that closes a descriptor waits for those who wait for it.
        CLOSING_LIMIT = 1
        private_constant :CLOSED, :CLOSING_LIMIT

        # @param events [Integer] IO::READABLE, IO::PRIORITY and IO::WRITABLE
        # @param timeout [Numeric, nil] seconds of the engine's clock
        # @return [Integer, false] the events that are there; false at the time-out
        # @raise [IOError] it was closed meanwhile
        def io_wait(io, events, timeout = nil)
          return really_wait(io, events, timeout) unless watchable?

          ready = watching([[io, events]], timeout)
          raise IOError, CLOSED if ready == 0 # rubocop:disable Style/NumericPredicate -- false at the time-out

          ready
        end

        # It is about to be closed. Who waits for it has gone on when this returns, so that nothing of Ruby's refers to it;
        # except where the dispatcher does not come to it, since it may wait for the caller. Ruby interrupts it then, so
        # that it comes to it.
        def end_waits_for(io)
          return if @descriptors.empty? || @process != Process.pid || io.closed? || !@descriptors.key?(io.fileno)

          number = io.fileno
          Dispatcher.call(timeout: CLOSING_LIMIT) { give_up(number) }
        rescue OverSIP::RuntimeError
          # The engine has ended, and the waits with it.
        end

        # `IO.select`.
        #
        # @param timeout [Numeric, nil] seconds of the engine's clock
        # @return [Array<Array<IO>>, nil] nil at the time-out
        def io_select(readable, writable = nil, exceptional = nil, timeout = nil)
          lists = [readable, writable, exceptional]
          return FiberState.blocking { IO.select(*lists, timeout) } unless watchable?

          deadline = timeout && (Engine.clock + (Timeouts.seconds(timeout) * 1e9))
          loop do
            ready = FiberState.blocking { IO.select(*lists, 0) }
            left = deadline && ((deadline - Engine.clock) / 1e9)
            return ready if ready || (left && !left.positive?)

            watching(wanted(lists), left)
          end
        end

        private

        # In a simulated world nothing but its own network is simulated.
        def watchable?
          suspendable? && !Engine.world_open?
        end

        def really_wait(io, events, timeout)
          Dispatcher.warn_of_held_up("an IO") unless suspendable?
          FiberState.blocking { io.wait(events, timeout) } || false
        end

        # @param wanted [Array<Array(IO, Integer)>] descriptors with their events
        # @return [Integer, false] the events of the first one that is ready, 0 for a closed one; false at the time-out
        def watching(wanted, timeout)
          watches = []
          numbers = wanted.map { |io, _| io.fileno }.uniq
          await(wanted, timeout, "an IO") do |outcome|
            numbers.each { |number| (@descriptors[number] ||= []) << Fiber.current }
            wanted.each do |io, events|
              watches << Engine.watch_io(io.fileno, events, ->(ready) { outcome.settle(:returned, ready) })
            end
          end || false
        ensure
          watches&.each { |watch| Engine.unwatch_io(watch) }
          numbers&.each { |number| forget(number) }
        end

        def forget(number)
          waiting = @descriptors[number] or return
          waiting.delete(Fiber.current)
          @descriptors.delete(number) if waiting.empty?
        end

        # Those who wait for this descriptor meet an exception.
        def give_up(number)
          @descriptors[number].to_a.dup.each do |fiber|
            Dispatcher.guard("a wait") { Dispatcher.go_on(fiber, IOError.new(CLOSED)) }
          end
        end

        # @return [Array<Array(IO, Integer)>]
        def wanted(lists)
          [IO::READABLE, IO::WRITABLE, IO::PRIORITY].zip(lists).flat_map do |events, ios|
            Array(ios).map { |io| [IO.try_convert(io), events] }
          end
        end
      end
    end
  end
end
