# frozen_string_literal: true

module OverSIP
  module Dispatcher
    module Scheduling
      # Ruby 3.1 does not ask a scheduler for `IO.select`, and forgets the limit of `Thread#join`.
      #
      # @api private
      module OlderRuby
        # `IO.select`.
        module Select
          # @return [Array<Array<IO>>, nil]
          def select(*arguments)
            scheduler = Fiber.current_scheduler
            scheduler.is_a?(FiberScheduler) ? scheduler.io_select(*arguments) : super
          end
        end

        # `Thread#join`.
        module Join
          # @return [Thread, nil]
          def join(limit = nil)
            return super unless limit && Fiber.current_scheduler.is_a?(FiberScheduler)

            Waiting.run("a thread") { super(limit) }
          end
        end

        # Does nothing on later ones.
        def self.install
          return unless RUBY_VERSION < "3.2"

          IO.singleton_class.prepend(Select)
          Thread.prepend(Join)
        end
      end
    end
  end
end
