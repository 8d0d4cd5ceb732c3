# frozen_string_literal: true

require_relative "trace"

# Loaded into the relay of the demonstration by `oversip -r`: writes the records of the relay's script as events and
# everything else as it was.
class RelayTrace
  def initialize(target)
    @target = target
  end

  def write(severity, log_id, body, system:)
    name, text = body.split(": ", 2)
    return @target.write(severity, log_id, body, system: system) unless log_id == "Relay" && text

    $stderr.write("#{Trace.line("relay", name, text)}\n")
  end
end

OverSIP::Logger.target = RelayTrace.new(OverSIP::Logger.target)
