# frozen_string_literal: true

require "socket"
require "oversip/fiber_state"

module OverSIP
  module Dispatcher
    module Scheduling
      # Waits for which some versions of Ruby do not ask a scheduler.
      #
      # @api private
      module Unasked
        # @return [Boolean] whether the caller's waits are the scheduler's
        def self.scheduled?
          Fiber.current_scheduler.is_a?(FiberScheduler)
        end

        # `IO.select` and `Kernel#select`, of Ruby 3.1.
        module Select
          # @return [Array<Array<IO>>, nil]
          def select(*arguments)
            Unasked.scheduled? ? Fiber.current_scheduler.io_select(*arguments) : super
          end
        end

        # The same for `select` in a block, which is private.
        module PrivateSelect
          private

          # @return [Array<Array<IO>>, nil]
          def select(*arguments)
            Unasked.scheduled? ? Fiber.current_scheduler.io_select(*arguments) : super
          end
        end

        # `Thread#join` with a limit, which Ruby 3.1 forgets, and Ruby 3.4 takes for one of real time. Without one it asks
        # the scheduler: a timer ends that.
        module Join
          # @return [Thread, nil]
          def join(limit = nil)
            return super unless limit && Unasked.scheduled?

            limited = limit.is_a?(Numeric) && limit.positive?
            Dispatcher.warn_of_held_up("a thread") if limited && !Dispatcher.suspendable?
            return FiberState.blocking { super(limit) } unless limited && Dispatcher.suspendable?

            Fiber.current_scheduler.timeout_after(limit, Expired) { super() }
          rescue Expired
            nil
          end

          # The limit is over.
          class Expired < Exception; end # rubocop:disable Lint/InheritException -- no script is to rescue it
          private_constant :Expired
        end

        # `TCPSocket.open`, which looks up and connects by itself from Ruby 3.4 on, to be quick where IPv6 does not work.
        module Connect
          def initialize(*arguments, **options)
            options = { fast_fallback: false, **options } if Unasked.scheduled?
            super
          end
        end

        def self.install
          if RUBY_VERSION < "3.2"
            [IO.singleton_class, Kernel.singleton_class].each { |place| place.prepend(Select) }
            Kernel.prepend(PrivateSelect)
          end
          Thread.prepend(Join)
          TCPSocket.prepend(Connect) if Socket.respond_to?(:tcp_fast_fallback)
        end
      end
    end
  end
end
