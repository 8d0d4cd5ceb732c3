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
    # The executions of a callback, none while it waits, and whether they begin or end just now.
    State = Struct.new(:executions, :changing)

    # Where a Fiber keeps that of its callback.
    KEY = :oversip_rails_executions
    private_constant :State, :KEY

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

      state = Thread.current[KEY] = State.new([], false)
      begin
        start(state)
        run.call
      ensure
        finish(state)
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
      state = Thread.current[KEY]
      return if state.nil? || state.changing || lasting?

      raise OverSIP::RuntimeError, IN_TRANSACTION if transaction?

      complete(state)
    end

    # The callback of this Fiber goes on.
    def enter
      state = Thread.current[KEY]
      start(state) if state && !state.changing && state.executions.empty?
    end

    private

    def start(state)
      change(state) do
        [@application.executor, @application.reloader].each { |wrapper| state.executions << wrapper.run! }
      end
    end

    def complete(state)
      change(state) { state.executions.pop.complete! until state.executions.empty? }
    end

    def finish(state)
      complete(state)
    ensure
      Thread.current[KEY] = nil
    end

    # What the application does then may wait itself, under a scheduler.
    def change(state)
      state.changing = true
      yield
    ensure
      state.changing = false
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
