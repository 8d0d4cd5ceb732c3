# frozen_string_literal: true

require "oversip"
require "rails/railtie"
require "oversip/rails_execution"

module OverSIP
  # What a Rails application gets by itself: callbacks run in its executor and see reloaded code, and records go to its
  # logger. Loaded with the library where Rails is there.
  class Railtie < ::Rails::Railtie
    class << self
      # Records go to the application's logger, unless another target was chosen. The `oversip` command has a log of its own.
      #
      # @api private
      def use_logger(logger)
        return if logger.nil? || defined?(OverSIP::CommandLine)

        OverSIP.logger = logger if OverSIP.logger.instance_of?(Logger::StderrTarget)
      end

      # Wraps callbacks and work, once.
      #
      # @api private
      def wrap(application)
        return if @execution

        @execution = execution = RailsExecution.new(application)
        AroundCallback.register(execution, __FILE__)
        Dispatcher.suspending << execution
        Waiting.wrapper = execution.method(:around_work)
      end
    end

    initializer("oversip.logger", after: :initialize_logger) { Railtie.use_logger(::Rails.logger) }

    config.after_initialize { |application| Railtie.wrap(application) }
  end
end
