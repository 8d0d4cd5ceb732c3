# frozen_string_literal: true

require "socket"

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

        # `IO.select`, of Ruby 3.1.
        module Select
          # @return [Array<Array<IO>>, nil]
          def select(*arguments)
            Unasked.scheduled? ? Fiber.current_scheduler.io_select(*arguments) : super
          end
        end

        # `Thread#join` with a limit, which Ruby 3.1 forgets.
        module Join
          # @return [Thread, nil]
          def join(limit = nil)
            return super unless limit && Unasked.scheduled?

            Waiting.run("a thread") { super(limit) }
          end
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
            IO.singleton_class.prepend(Select)
            Thread.prepend(Join)
          end
          TCPSocket.prepend(Connect) if Socket.respond_to?(:tcp_fast_fallback)
        end
      end
    end
  end
end
