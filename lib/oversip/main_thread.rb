# frozen_string_literal: true

module OverSIP
  # The unwanted end of the process: a script, or one of its libraries, kills the main thread.
  #
  # @api private
  module MainThread
    # The methods of Thread that end one, as a backtrace names them.
    KILLS = /\A(?:Thread[#.])?(?:kill|terminate)\z|\AThread[#.]exit\z/

    KILLED = "the main thread was killed by the script or a library of it"

    # Whether the main thread was killed: Ruby raises SystemExit with status 0 then, as if somebody had called `exit`.
    #
    # @param exception [Exception]
    def self.killed?(exception)
      return false unless exception.is_a?(SystemExit)

      KILLS.match?(exception.backtrace_locations&.first&.label.to_s)
    end
  end
end
