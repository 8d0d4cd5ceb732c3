# frozen_string_literal: true

# Records of OverSIP::Logger during an example.
module LogCapture
  Record = Struct.new(:severity, :log_id, :body, :system)

  # A log target that keeps its records.
  class Target
    attr_reader :records

    def initialize
      @records = []
    end

    def write(severity, log_id, body, system:)
      @records << Record.new(severity, log_id, body, system)
    end
  end

  # @yieldparam records [Array<Record>] what was logged so far
  # @return [Array<Record>] what was logged during the block, from this level on
  def capture_log(level: :debug)
    previous = [OverSIP::Logger.target, OverSIP::Logger.level]
    OverSIP::Logger.target = target = Target.new
    OverSIP::Logger.level = level
    yield target.records
    OverSIP::Logger.flush
    target.records
  ensure
    OverSIP::Logger.target, OverSIP::Logger.level = previous
  end
end
