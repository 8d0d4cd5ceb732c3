# frozen_string_literal: true

require "oversip/deadline"
require "oversip/notifications/pairs"

module OverSIP
  # Tells the subscribers of `ActiveSupport::Notifications` what the engine and the callbacks do, where that library is
  # loaded before the start: `request.oversip`, `attempt.oversip` and `callback.oversip`, each when it is over. Nothing is
  # made, and the engine notes nothing, while nobody has subscribed.
  #
  # @api private
  module Notifications
    REQUEST = "request.oversip"
    ATTEMPT = "attempt.oversip"
    CALLBACK = "callback.oversip"

    # Notices that somebody subscribes or leaves.
    module Notices
      def subscribe(...)
        super.tap { Notifications.refresh }
      end

      def unsubscribe(...)
        super.tap { Notifications.refresh }
      end
    end
    private_constant :Notices

    @pairs = Pairs.new
    @wanted = false

    class << self
      # The engine begins: whoever has subscribed is told, and so is who does it later.
      def begin
        return unless defined?(ActiveSupport::Notifications)

        watch(ActiveSupport::Notifications.notifier)
        refresh
      end

      # Somebody has subscribed or left.
      def refresh
        AroundCallback.innermost = (method(:around) if listened?(CALLBACK))
        @pairs.clear unless @wanted
        @wanted = listened?(REQUEST) || listened?(ATTEMPT)
        Engine.tell_happenings = @wanted
      end

      # What the engine has done.
      #
      # @param list [Array<Array(Float, Symbol, Hash)>] times in seconds, kinds and details
      def happened(list)
        list.each { |at, kind, details| happen(at, kind, details) } if @wanted
      end

      # The block around each callback, see {OverSIP.around_callback}.
      def around(event, run)
        begun = Deadline.now
        begun_by_engine = engine_clock
        run.call
      rescue Exception => e # rubocop:disable Lint/RescueException -- raised again: subscribers hear of any
        raised = e
        raise
      ensure
        ended_by_engine = engine_clock
        took = begun_by_engine && ended_by_engine ? ended_by_engine - begun_by_engine : Deadline.now - begun
        tell_callback(event, took, raised)
      end

      private

      def watch(notifier)
        singleton = notifier.singleton_class
        singleton.prepend(Notices) unless singleton.include?(Notices)
      end

      def listened?(name)
        ActiveSupport::Notifications.notifier.listening?(name)
      end

      def happen(at, kind, details)
        case kind
        when :received, :attempt then @pairs.begin(at, kind, details)
        when :answered
          tell_pair(REQUEST, @pairs.end(at, :received, details), details.slice(:method, :status))
        when :unanswered then @pairs.end(at, :received, details)
        when :attempt_ended
          tell_pair(ATTEMPT, @pairs.end(at, :attempt, details), details.slice(:method, :target, :outcome, :status))
        end
      end

      def tell_pair(name, ended, payload)
        took, call_id = ended
        tell(name, **payload.compact, call_id: call_id, duration: took) if took
      end

      def tell_callback(event, took, raised)
        request = event.request
        known = request ? { method: request.sip_method, call_id: request.call_id } : {}
        failure = raised ? { exception: [raised.class.name, raised.message], exception_object: raised } : {}
        tell(CALLBACK, name: event.name, **known, **failure, duration: took)
      end

      # The time of the event itself says nothing: it is over when this is called.
      #
      # @param duration [Float] seconds
      def tell(name, duration:, **payload)
        return unless listened?(name)

        Dispatcher.guard("ActiveSupport::Notifications (#{name})") do
          ActiveSupport::Notifications.instrument(name, **payload, duration: (duration * 1000).round(3))
        end
      end

      # @return [Float, nil] seconds; nil when the engine has ended, which a block that waited may see
      def engine_clock
        Engine.clock / 1e9
      rescue OverSIP::RuntimeError
        nil
      end
    end
  end
end
