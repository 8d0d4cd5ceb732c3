# frozen_string_literal: true

require "io/wait"

module OverSIP
  # Waits for signals outside of the trap context, in which locks and logging are forbidden: the handlers only write a byte
  # to a pipe.
  #
  # @api private
  class Signals
    # Handles the named signals during the block and restores their former handlers.
    #
    # @param names [Array<String>]
    # @yieldparam signals [Signals]
    def self.trap(*names)
      signals = new(names)
      yield signals
    ensure
      signals&.close
    end

    def initialize(names)
      @names = names
      @words = Thread::Queue.new
      @reader, @writer = IO.pipe
      @process = Process.pid
      @previous = names.each_with_index.to_h { |name, index| [name, Signal.trap(name) { received(name, index) }] }
    end

    # @return [String, Object] the name of the next signal, or what {wake} was given
    def wait
      @names[next_byte] || @words.pop
    end

    # Ends a {wait} without a signal.
    #
    # @param word [Object] what the wait returns
    def wake(word = nil)
      @words << word
      note(@names.size)
    end

    def close
      @previous.each_key { |name| restore(name) }
      @reader.close
      @writer.close
    end

    private

    # `readbyte` would do the same, but Ruby 3.4 with M:N threads can wake it with an IO::TimeoutError though no time is set.
    def next_byte
      loop do
        byte = @reader.read_nonblock(1, exception: false)
        return byte.ord unless byte == :wait_readable

        @reader.wait_readable
      end
    end

    # A forked child has inherited handler and pipe; its signals are not its parent's business.
    def received(name, index)
      return note(index) if Process.pid == @process

      restore(name)
      Process.kill(name, Process.pid)
    end

    def restore(name)
      Signal.trap(name, @previous[name] || "DEFAULT")
    end

    def note(index)
      @writer.write_nonblock(index.chr, exception: false)
    rescue IOError
      # Closed a moment ago: the handlers are on their way out.
    end
  end
end
