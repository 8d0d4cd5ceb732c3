# frozen_string_literal: true

require "io/wait"
require "oversip/deadline"
require "oversip/log/finish"

module OverSIP
  # The way from the invoked process to a *master* that has no terminal: the invoked process forks an intermediate one,
  # which makes a session of its own, forks the master and leaves. Through a pipe the master tells its number and, when
  # it serves, `ok`.
  #
  # @api private
  class Daemon
    include Logger

    # The master has not come up.
    class StartError < OverSIP::Error; end

    # What the master tells the process that started it.
    class Channel
      def initialize(io)
        @io = io
      end

      # The master exists.
      def tell_pid
        write("#{Process.pid}\n")
      end

      # The master serves: the invoked process may end.
      def tell_ready
        write(READY)
        @io.close
      end

      private

      def write(text)
        @io.write(text)
        @io.flush
      rescue Errno::EPIPE
        # The invoked process has gone; the master serves nevertheless.
      end
    end

    # Seconds until the master must have told its number, and again until it must be ready.
    LIMIT = 8

    READY = "ok"

    # The number of checks whether TERM has ended a late master, and the seconds between them.
    LOOKS = 10
    LOOK_INTERVAL = 0.05

    # @param limit [Numeric] seconds
    def initialize(limit: LIMIT)
      @log_id = "launcher (daemonize)"
      @limit = limit
    end

    # Returns in the invoked process, once the master serves.
    #
    # @yield in the master
    # @yieldparam channel [Channel]
    # @yieldreturn [Integer] the master's exit status
    # @raise [StartError]
    def launch(&)
      reader, writer = IO.pipe
      $stdin.reopen(File::NULL)
      Log.finish
      intermediate = fork do
        reader.close
        Process.setsid
        fork { leave(yield(Channel.new(writer))) }
        exit!(0)
      end
      writer.close
      Process.wait(intermediate)
      wait_for_master(reader)
    ensure
      reader&.close
    end

    private

    # Without at_exit blocks, which belong to the invoked process, but with flushed output.
    def leave(status)
      Log.finish
      exit!(status)
    end

    def wait_for_master(reader)
      line = read(reader) { |text| text.end_with?("\n") }
      raise StartError, "master process didn't notify its PID within #{@limit} seconds" unless line

      master = line.to_i
      log_system_info "waiting for master process #{master}"
      return if read(reader) { |text| text == READY }

      kill(master)
      raise StartError, "master process killed"
    end

    # @yieldparam text [String] what was read until now
    # @yieldreturn [Boolean] whether that is all
    # @return [String, nil] nil when it did not come in time
    def read(reader)
      deadline = Deadline.new(@limit)
      text = +""
      until yield(text)
        return unless reader.wait_readable(deadline.left)

        text << reader.readchar
      end
      text
    rescue EOFError
      raise StartError, "master process failed to start"
    end

    def kill(master)
      Process.kill("TERM", master)
      LOOKS.times do
        sleep LOOK_INTERVAL
        Process.kill(0, master)
      end
      Process.kill("KILL", master)
    rescue Errno::ESRCH
      # It has ended.
    end
  end
end
