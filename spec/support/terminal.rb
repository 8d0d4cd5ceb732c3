# frozen_string_literal: true

require "io/console"
require "pty"
require_relative "command"

# A command that runs in a terminal of its own.
class Terminal
  LIMIT = 30

  # @return [String] all that the terminal was sent
  attr_reader :output
  # @return [Integer] the process
  attr_reader :pid

  def initialize(*command, lines: 30, columns: 80, environment: {})
    @output = +""
    @reader, @writer, @pid = PTY.spawn({ "TERM" => "xterm", **environment }, *start(command, lines, columns))
  end

  # Waits until what the terminal was sent since the last time matches.
  #
  # @return [String] what it was sent since then
  def wait_for(pattern)
    from = @seen || 0
    deadline = now + LIMIT
    until (match = @output.match(pattern, from))
      unless now < deadline && read(deadline - now)
        raise "no #{pattern.inspect} within #{LIMIT} s in:\n#{@output[from..].inspect}"
      end
    end
    @seen = match.end(0)
    @output[from...@seen]
  end

  def press(keys)
    @writer.write(keys)
  end

  def resize(lines, columns)
    @reader.winsize = [lines, columns]
    Process.kill("WINCH", @pid)
  end

  # @return [Boolean] whether the terminal shows what is typed, as a shell wants it
  def echo?
    @reader.echo?
  end

  # @return [Process::Status] of the command, which has to end by itself
  def status
    nil while read(LIMIT)
    Process.wait2(@pid).last.tap { @pid = nil }
  end

  def close
    Process.kill("KILL", @pid) && Process.wait(@pid) if @pid
    [@reader, @writer].each(&:close)
  end

  private

  # The size has to be there before the command looks at it.
  def start(command, lines, columns)
    ["sh", "-c", "stty rows #{lines} cols #{columns}; exec \"$@\"", "sh", *command]
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def read(seconds)
    return unless @reader.wait_readable(seconds)

    @output << @reader.readpartial(65_536).force_encoding(Encoding::UTF_8)
  rescue EOFError, Errno::EIO
    nil
  end
end
