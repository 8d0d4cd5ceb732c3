# frozen_string_literal: true

# One line per event with the time of the machine, so that what several processes saw can be put in order.
module Trace
  PREFIX = "@trace"

  Event = Struct.new(:time, :who, :name, :text)

  def self.now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  # @return [String]
  def self.line(who, name, text)
    [PREFIX, format("%.6f", now), who, name, text].join("\t")
  end

  # @return [Event, nil] nil when the line is an ordinary one
  def self.parse(line)
    prefix, time, who, name, text = line.chomp.split("\t", 5)
    Event.new(time.to_f, who, name, text) if prefix == PREFIX && text
  end
end
