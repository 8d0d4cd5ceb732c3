# frozen_string_literal: true

module OverSIP
  # Records on their way from {Logger} to a target. These classes are not in {Logger}: scripts include that module, and its
  # constants would hide theirs.
  #
  # @api private
  module Log
    # One record: severity (one of {Logger::SEVERITIES}), speaker, text (safe to print), whether it is one of the library,
    # and time. `lost` is the number of lost records that it reports. `kind` distinguishes records of the library (nil: the
    # text does). `site` is the line of the script that logged it. `context` is what the engine says of the event in which it
    # was logged; nil where nobody wants that.
    #
    # @api private
    Record = Struct.new(:severity, :log_id, :body, :system, :time, :lost, :kind, :site, :context) do
      def initialize(severity, log_id, body, system:, time: Time.now, lost: 0, kind: nil, site: nil, context: nil)
        super(severity, log_id, body, system, time, lost, kind, site, context)
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
