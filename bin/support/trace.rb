# frozen_string_literal: true

# One line per event with the time of the machine, so that what several processes saw can be put in order.
module Trace
  PREFIX = "@trace"

  # `place` is the file and line of a block, else empty.
  Event = Struct.new(:time, :who, :name, :text, :place)

  def self.now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  # @return [String]
  def self.line(who, name, text, place = "")
    [PREFIX, format("%.6f", now), who, name, text, place].join("\t")
  end

  # @return [Event, nil] nil when the line is an ordinary one
  def self.parse(line)
    prefix, time, who, name, text, place = line.chomp.split("\t", 6)
    Event.new(time.to_f, who, name, text, place) if prefix == PREFIX && place
  end
end
