# frozen_string_literal: true

require "oversip/active_record_check"

module OverSIP
  # Wraps callbacks and the work of {OverSIP.await} in the executor of a Rails application, and in its reloader where code is
  # reloaded.
  #
  # An execution belongs to its thread, as do the connections that ActiveRecord leases in it, and all callbacks share the
  # thread of the dispatcher. So an execution ends before a callback waits, and another one begins when the callback goes on.
  # Only where they belong to a Fiber, and each query may wait, an execution lasts as long as its callback.
  #
  # @api private
  class RailsExecution
    # Where a Fiber keeps the executions of its callback.
    KEY = :oversip_rails_executions

    # What a Fiber has there while its callback waits.
    WAITS = [].freeze
    private_constant :KEY, :WAITS

    IN_TRANSACTION = "a block waits inside a transaction of ActiveRecord, whose connection other blocks would use " \
                     "meanwhile: put the whole transaction into OverSIP.await { }"

    # @param application [Rails::Application]
    def initialize(application)
      @application = application
    end

    # The block of {OverSIP.around_callback}.
    def call(_event, run)
      # A callback inside of another one, such as on_target in route.
      return run.call if Thread.current[KEY]

      begin
        start
        run.call
      ensure
        complete
      end
    end

    # Wraps the work of a worker.
    #
    # @param work [#call]
    def around_work(work)
      @application.reloader.wrap { work.call }
    end

    # The callback of this Fiber is about to be suspended.
    #
    # @raise [OverSIP::RuntimeError] a transaction of ActiveRecord is open
    def leave
      return if Thread.current[KEY].nil? || lasting?

      raise OverSIP::RuntimeError, IN_TRANSACTION if transaction?

      complete(again: true)
    end

    # The callback of this Fiber goes on.
    def enter
      start if WAITS.equal?(Thread.current[KEY])
    end

    private

    def start
      Thread.current[KEY] = executions = []
      [@application.executor, @application.reloader].each { |wrapper| executions << wrapper.run! }
    end

    # @param again [Boolean] whether {enter} begins anew
    def complete(again: false)
      executions = Thread.current[KEY]
      Thread.current[KEY] = (WAITS if again)
      executions&.reverse_each(&:complete!)
    end

    def lasting?
      Dispatcher.scheduler && ActiveRecordCheck.isolated_by_fiber?
    end

    # The transaction around an example of a test cannot be joined.
    def transaction?
      pools.any? do |pool|
        connection = pool.active_connection? or next
        transaction = connection.current_transaction
        transaction.open? && transaction.joinable?
      end
    end

    def pools
      return [] unless defined?(ActiveRecord::Base)

      roles = ActiveRecord.version >= ALL_ROLES ? [:all] : []
      ActiveRecord::Base.connection_handler.connection_pool_list(*roles)
    end

    # The first version that lists the pools of all roles.
    ALL_ROLES = Gem::Version.new("7.1")
    private_constant :ALL_ROLES
  end
end
