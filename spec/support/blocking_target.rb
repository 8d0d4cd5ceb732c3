# frozen_string_literal: true

# A log target that takes records only while it is open.
class BlockingTarget < OverSIP::Log::Target
  attr_reader :said, :attempts

  def initialize
    super
    @said = []
    @gate = Thread::Queue.new
    @attempts = Thread::Queue.new
  end

  def deliver(record)
    @attempts << record.body
    @gate.pop
    raise @error if @error

    @said << record.body
  end

  # Takes one record, the one that waits or else the next.
  def take_one
    @gate << true
  end

  def open
    @gate.close
    self
  end

  # What every record meets from now on.
  def fail_with(error)
    @error = error
  end
end
