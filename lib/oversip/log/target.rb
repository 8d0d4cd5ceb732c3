# frozen_string_literal: true

require "oversip/log/record"

module OverSIP
  module Log
    # Where the records go. {#deliver} may wait and may raise: {Writer} calls it on a thread of its own.
    #
    # @api private
    class Target
      # The methods that every logger like Ruby's has.
      LOGGER_METHODS = %i[debug info warn error].freeze

      class << self
        # @param object [Target, #info, #write] what a script may set
        # @return [Target]
        # @raise [ArgumentError] it cannot be used
        def for(object)
          case object
          when Target then object
          when method(:logger?) then RubyLogger.new(object)
          when method(:takes_records?) then ScriptTarget.new(object)
          else raise ArgumentError, "#{object.inspect[0, 200]} cannot take log records: #{accepted(object)}"
          end
        end

        private

        def logger?(object)
          LOGGER_METHODS.all? { |name| object.respond_to?(name) }
        end

        # An IO has a `write` too, but of another kind.
        def takes_records?(object)
          object.respond_to?(:write) && object.method(:write).parameters.any? do |kind, name|
            kind == :keyrest || (%i[key keyreq].include?(kind) && name == :system)
          end
        end

        def accepted(object)
          return "for a file or a stream write Logger.new(io), with require \"logger\"" if object.respond_to?(:write)

          "it has to answer like Ruby's Logger (debug, info, warn, error), or have write(severity, log_id, body, system:)"
        end
      end

      # Writes one record.
      #
      # @param severity [Symbol]
      # @param log_id [String]
      # @param body [String]
      # @param system [Boolean]
      def write(severity, log_id, body, system:)
        deliver(Record.new(severity, log_id, body, system: system))
      end

      # Writes one record.
      #
      # @param record [Record]
      # @raise [Writer::NotNow] it shall be tried again
      def deliver(record)
        raise NotImplementedError
      end

      # @return [Boolean] whether {#deliver} never waits: then it is called by whoever logs
      def immediate?
        false
      end

      # Opens its file again, after a rotation.
      #
      # @raise [SystemCallError] the old one is used further
      def reopen; end
    end

    # A logger with the methods of Ruby's Logger, such as that of Rails.
    #
    # @api private
    class RubyLogger < Target
      # Method and number of each severity.
      LEVELS = {
        debug: [:debug, 0], info: [:info, 1], notice: [:info, 1], warn: [:warn, 2], error: [:error, 3],
        crit: [:fatal, 4], alert: [:fatal, 4], emerg: [:fatal, 4]
      }.freeze

      # @param logger [#add, #info]
      def initialize(logger)
        super()
        @logger = logger
      end

      # Writes one record.
      def deliver(record)
        method, number = LEVELS.fetch(record.severity)
        text = Logger.json? ? JsonLine.of(record) : record.text
        return @logger.add(number, text) if @logger.respond_to?(:add)

        @logger.public_send(@logger.respond_to?(method) ? method : :error, text)
      end
    end

    # An object of a script with `write(severity, log_id, body, system:)`.
    #
    # @api private
    class ScriptTarget < Target
      # @param object [#write]
      def initialize(object)
        super()
        @object = object
      end

      # Writes one record.
      def deliver(record)
        @object.write(record.severity, record.log_id, record.body, system: record.system)
      end
    end
  end
end
