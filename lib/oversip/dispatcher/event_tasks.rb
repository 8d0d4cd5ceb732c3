# frozen_string_literal: true

module OverSIP
  module Dispatcher
    # The Tasks that one event has begun and that need to hear of its end. An event may last as long as the server, so others
    # do not stay here.
    #
    # @api private
    class EventTasks
      # How many are looked through for the first time.
      FEW = 32
      private_constant :FEW

      def initialize
        @tasks = []
        @limit = FEW
      end

      # @param task [Task]
      def add(task)
        prune if @tasks.size >= @limit
        @tasks << task
      end

      # Tells them.
      def event_over
        @tasks.each(&:event_over)
      end

      private

      # Those that stay may be as many again before the next look.
      def prune
        @tasks.reject!(&:complete?)
        @limit = [2 * @tasks.size, FEW].max
      end
    end
  end
end
