# frozen_string_literal: true

require "io/console"

module OverSIP
  class CommandLine
    # A terminal as a page that is drawn again and again, and the keys that are pressed (ECMA-48). However the command
    # ends, the terminal is given back as it was.
    #
    # @api private
    class Screen
      # The other screen, without a cursor and without lines that go on in the next one; and back.
      ENTER = "\e[?1049h\e[?25l\e[?7l"
      LEAVE = "\e[?7h\e[?25h\e[?1049l"
      # What terminals send for keys.
      KEYS = {
        "\e[A" => :up, "\eOA" => :up, "k" => :up, "\e[B" => :down, "\eOB" => :down, "j" => :down, "\e[5~" => :page_up,
        "\e[6~" => :page_down, " " => :page_down, "\e[H" => :home, "\eOH" => :home, "\e[1~" => :home, "g" => :home,
        "\e[F" => :end, "\eOF" => :end, "\e[4~" => :end, "G" => :end, "\r" => :enter, "\n" => :enter, "\e" => :back,
        "\x7F" => :back, "q" => :quit, "Q" => :quit
      }.freeze
      SEQUENCE = /\e(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])?|[^\e]/m
      # Bytes that are read at once.
      READ = 256
      private_constant :ENTER, :LEAVE, :KEYS, :SEQUENCE, :READ

      class << self
        # @param console [IO] the terminal
        # @yieldparam screen [Screen]
        # @return [Object] what the block returns
        def open(console)
          screen = new(console)
          screen.enter
          yield screen
        ensure
          screen&.close
        end
      end

      def initialize(console)
        @console = console
        @mode = console.console_mode
        @reader, @writer = IO.pipe
        @pressed = []
        @former = { "WINCH" => "w", "TSTP" => "s" }.to_h do |signal, letter|
          [signal, trap(signal) { @writer.write_nonblock(letter, exception: false) }]
        end
      end

      # Takes the terminal.
      def enter
        @console.raw!(intr: true)
        @console.write(ENTER)
      end

      # Gives the terminal back.
      def leave
        @console.write(LEAVE)
        @console.console_mode = @mode
      rescue SystemCallError
        # The terminal is gone.
      end

      def close
        leave
        @former.each { |signal, handler| trap(signal, handler || "DEFAULT") }
        [@reader, @writer].each(&:close)
      end

      # @return [Array(Integer, Integer)] lines and columns
      def size
        size = @console.winsize
        size.all?(&:positive?) ? size : [24, 80]
      end

      # @param lines [Array<String>] what does not fit is not shown
      def draw(lines)
        shown = lines.first(size.first)
        @console.write("\e[H#{shown.map { |line| "\e[2K#{line}" }.join("\r\n")}\e[J")
      end

      # Waits for a key.
      #
      # @param seconds [Numeric] at most
      # @return [Symbol, nil] nil: none was pressed in that time, or the size is another one
      def key(seconds)
        listen(seconds) if @pressed.empty?
        @pressed.shift
      end

      private

      def listen(seconds)
        ready, = IO.select([@console, @reader], nil, nil, seconds)
        return unless ready

        suspend if ready.include?(@reader) && @reader.read_nonblock(READ, exception: false).to_s.include?("s")
        read if ready.include?(@console)
      end

      # The end of the terminal is like the key that ends the command.
      def read
        @pressed.concat(@console.read_nonblock(READ).scan(SEQUENCE).map { |keys| KEYS[keys] })
      rescue IO::WaitReadable
        nil
      rescue EOFError, SystemCallError
        @pressed << :quit
      end

      def suspend
        leave
        Process.kill("STOP", Process.pid)
        enter
      end
    end
  end
end
