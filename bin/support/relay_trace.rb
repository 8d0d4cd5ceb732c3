# frozen_string_literal: true

require_relative "trace"

# Loaded into the relay of the demonstration by `oversip -r`: writes an event for each block of the relay's script as it
# begins.
module RelayTrace
  class << self
    def call(event, subject, arguments, block)
      $stderr.write("#{Trace.line("relay", event, text(event, subject, arguments), block.source_location.join(":"))}\n")
      yield
    end

    private

    def text(event, subject, arguments)
      case event
      when :on_request then "#{subject.sip_method} #{subject.ruri}"
      when :on_target then "#{subject.request.sip_method} to #{arguments.first}"
      when :on_error then "#{status(*arguments)} to #{subject.request.sip_method}"
      when /response\z/ then "#{line(arguments.first)} to #{subject.request.sip_method}"
      else ""
      end
    end

    def line(response)
      "#{response.status_code} #{response.reason_phrase}"
    end

    def status(status, reason, code)
      "#{status} #{reason} (#{code})"
    end
  end
end

OverSIP::Engine.observe_blocks(RelayTrace)
