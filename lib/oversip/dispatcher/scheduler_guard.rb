# frozen_string_literal: true

module OverSIP
  module Dispatcher
    # Refuses Fiber schedulers of scripts on the dispatcher thread. Under one, events would wait for the loop of that
    # scheduler, which does not run there.
    #
    # @api private
    module SchedulerGuard
      REFUSED = "the dispatcher thread takes no Fiber scheduler (Fiber.set_scheduler, Async, Sync): its events would wait " \
                "for a loop that does not run. Give the work to a thread of the pool: OverSIP.await { Async { … }.wait }"

      TAKEN = "this thread has a Fiber scheduler, so a world with core: fiber_scheduler cannot be opened in it"

      # @raise [OverSIP::RuntimeError] on the dispatcher thread
      def set_scheduler(scheduler) # rubocop:disable Naming/AccessorMethodName -- a method of Ruby's
        raise OverSIP::RuntimeError, REFUSED if Dispatcher.refuses?(scheduler)

        # What work in a world has set ends with it.
        super(scheduler || Dispatcher.own_scheduler)
      end

      # Work in a world does not see the library's own one, as on a thread of the pool.
      def scheduler
        found = super
        found unless found.equal?(Dispatcher.own_scheduler) && Dispatcher.working?
      end

      Fiber.singleton_class.prepend(self)
    end
  end
end
