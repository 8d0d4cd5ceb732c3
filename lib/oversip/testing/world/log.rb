# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # A record of the log of a world: see {World#log}.
      #
      # @!attribute at
      #   @return [Float] seconds of the world's clock
      # @!attribute severity
      #   @return [Symbol] one of {Logger::SEVERITIES}
      # @!attribute id
      #   @return [String] who has logged it, such as "SipEvents"
      # @!attribute text
      #   @return [String]
      # @!attribute system
      #   @return [Boolean] whether the library has logged it rather than the script
      LogRecord = Struct.new(:at, :severity, :id, :text, :system, keyword_init: true) do
        # @return [String]
        def to_s
          "#{severity.to_s.upcase} <#{id}> #{text}"
        end
      end

      # Takes the place of the log's target while a world is open.
      #
      # @api private
      class Log < OverSIP::Log::Target
        # @return [Array<LogRecord>]
        attr_reader :records

        # @param clock [Proc] tells the time of the world
        def initialize(clock)
          super()
          @clock = clock
          @records = []
        end

        # Keeps a record.
        def deliver(record)
          @records << LogRecord.new(at: @clock.call, severity: record.severity, id: record.log_id, text: record.body,
                                    system: record.system).freeze
        end

        # @return [true]
        def immediate?
          true
        end
      end
    end
  end
end
