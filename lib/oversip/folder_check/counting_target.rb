# frozen_string_literal: true

require "oversip/logger"

module OverSIP
  class FolderCheck
    # The output of `oversip check`. Its records have no time, and the warnings are counted.
    #
    # @api private
    class CountingTarget < Logger::StderrTarget
      # @return [Integer] how many warnings were printed; complete after `Logger.flush`
      attr_reader :warnings

      # @param color [Boolean] whether a terminal gets colours
      def initialize(color:)
        super(color: color, timestamps: false)
        @warnings = 0
      end

      # Prints one record.
      def deliver(record)
        super
        @warnings += 1 if record.severity == :warn
      end
    end
  end
end
