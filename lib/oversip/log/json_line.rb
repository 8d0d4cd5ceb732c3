# frozen_string_literal: true

require "json"

module OverSIP
  module Log
    # A record as an object of JSON in one line, for `core: log_format: json`.
    #
    # @api private
    module JsonLine
      # Local time with milliseconds (ISO 8601).
      TIME = "%Y-%m-%dT%H:%M:%S.%L%:z"

      # The names of what the engine says of the running event, see `Engine.event_context`.
      CONTEXT = { sip_method: :method, ruri: :request_uri, call_id: :call_id, branch: :transaction }.freeze

      class << self
        # @param record [Record]
        # @return [String] without a line end
        def of(record)
          JSON.generate(time: record.time.strftime(TIME), level: record.severity, speaker: record.log_id,
                        origin: record.system ? :library : :script, text: record.body, **context(record.context))
        end

        private

        # What a peer has written is made safe to print, as the text is.
        def context(context)
          context.to_h.filter_map { |name, value| [CONTEXT[name], Logger::Formatting.text(value)] if CONTEXT[name] }.to_h
        end
      end
    end
  end
end
