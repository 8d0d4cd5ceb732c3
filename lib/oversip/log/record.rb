# frozen_string_literal: true

module OverSIP
  # Records on their way from {Logger} to where they are written. Its classes are not in {Logger}, which scripts include:
  # they would stand before constants of the same name there.
  #
  # @api private
  module Log
    # What is said once: severity (one of {Logger::SEVERITIES}), who speaks, the text (safe to print), whether the library
    # speaks and not a script, and the time. `lost` is how many lost records this one tells of,
    # `kind` what tells it from others of the library (nil: its text does), `site` the line of a script that said it.
    #
    # @api private
    Record = Struct.new(:severity, :log_id, :body, :system, :time, :lost, :kind, :site) do
      def initialize(severity, log_id, body, system:, time: Time.now, lost: 0, kind: nil, site: nil)
        super(severity, log_id, body, system, time, lost, kind, site)
      end

      # @return [String] who speaks and what, without severity and time
      def text
        "<#{log_id}> #{"[user] " unless system}#{body}"
      end

      # @return [Integer] what it takes in the queue, about
      def size
        log_id.bytesize + body.bytesize + 100
      end
    end
  end
end
