# frozen_string_literal: true

module OverSIP
  # Refuses a Fiber scheduler beside connections of ActiveRecord that belong to threads: each query would be a wait, in which
  # other blocks of the same thread use the connection.
  #
  # @api private
  module ActiveRecordCheck
    # The first version that can lease connections to Fibers.
    FIBER_LEASES = 7

    class << self
      # @param configuration [Hash]
      # @raise [ConfigurationError]
      def refuse_shared_connections(configuration)
        return unless configuration.dig(:core, :fiber_scheduler) && defined?(ActiveRecord::Base)

        version = ActiveRecord.version
        if version.segments.first < FIBER_LEASES
          raise ConfigurationError, "core[fiber_scheduler] cannot be used with ActiveRecord #{version}, whose connections " \
                                    "belong to threads: use OverSIP.await for queries, or Rails #{FIBER_LEASES} or later"
        end
        return if isolated_by_fiber?

        raise ConfigurationError, "core[fiber_scheduler] with ActiveRecord #{version} needs " \
                                  "config.active_support.isolation_level = :fiber; or use OverSIP.await for queries"
      end

      # @return [Boolean] whether connections and executions belong to Fibers
      def isolated_by_fiber?
        return false unless defined?(ActiveSupport::IsolatedExecutionState)

        ActiveSupport::IsolatedExecutionState.isolation_level == :fiber
      end
    end
  end
end
