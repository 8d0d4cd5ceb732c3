# frozen_string_literal: true

require "io/console"
require "oversip/call_record"
require "oversip/command_line/call_list"
require "oversip/command_line/call_text"
require "oversip/command_line/output"
require "oversip/command_line/screen"
require "oversip/command_line/status_page"
require "oversip/command_line/status_tables"
require "oversip/deadline"
require "oversip/monitor_client"

module OverSIP
  class CommandLine
    # `oversip top`: what a server does, looked at again and again, and its calls, whose ladders can be opened.
    #
    # @api private
    class TopCommand
      # Seconds from one look to the next.
      INTERVAL = 1
      # Calls of the list.
      CALLS = 50
      LIST_KEYS = "up, down: choose a call   Enter: its ladder   q: end"
      LADDER_KEYS = "up, down, PgUp, PgDn: move   Esc: back   q: end"
      private_constant :INTERVAL, :CALLS, :LIST_KEYS, :LADDER_KEYS

      # @param client [MonitorClient]
      # @param values [MonitorOptions::Values]
      def initialize(client, values)
        @client = client
        @values = values
        @interval = values.interval || INTERVAL
        @calls = CallList.new
        @offset = 0
        @redaction = CallRecord::Redaction.new
      end

      # @return [Integer] the exit status
      # @raise [MonitorClient::Error]
      def run
        look
        console = IO.console if $stdout.tty? && ENV["TERM"] != "dumb" && !@values.once
        return once unless console

        Screen.open(console) { |screen| watch(screen) }
        0
      end

      private

      def once
        sleep(@interval)
        look
        color = @values.color && CallRecord::Terminal.color?($stdout)
        width = CallRecord::Terminal.columns($stdout)
        lines = [*StatusPage.new(@status, width: width, rate: @rate).lines, CallRecord::Canvas.new,
                 *@calls.lines(CALLS + 1, width)]
        Output.write(lines.map { |line| "#{line.to_s(color: color)}\n" }.join)
        0
      rescue Errno::EPIPE
        0
      end

      def watch(screen)
        loop do
          draw(screen)
          rest = @looked_at + @interval - Deadline.now
          key = screen.key([rest, 0].max)
          return if key == :quit

          press(key, screen.size.first) if key
          look_again if Deadline.now >= @looked_at + @interval
        end
      end

      # The server may end and begin again while somebody looks.
      def look_again
        look
        @problem = nil
      rescue MonitorClient::Error => e
        @problem = e.message
      end

      def look
        @looked_at = Deadline.now
        take(@client.status)
        @calls.take(record(last: CALLS))
        @opened = record(call_id: @call_id).summaries.first || @opened if @call_id
      end

      def take(status)
        former = @status
        @status = status
        return unless former && former["pid"] == status["pid"]

        seconds = @looked_at - @taken_at
        @rate = (status.dig("calls", "begun").to_i - former.dig("calls", "begun").to_i) / seconds
      ensure
        @taken_at = @looked_at
      end

      # @return [CallRecord] empty when the server keeps no trace
      def record(**query)
        reader = CallRecord::TraceReader.new
        @client.each_line("/trace", **query) { |line| reader.add(line) }
        @redaction.call(reader.record)
      rescue MonitorClient::Refused
        CallRecord.new
      end

      def press(key, height)
        @call_id ? press_in_ladder(key, height) : press_in_list(key, height)
      end

      def press_in_list(key, height)
        case key
        when :up then @calls.move(-1)
        when :down then @calls.move(1)
        when :page_up then @calls.move(-height / 3)
        when :page_down then @calls.move(height / 3)
        when :home then @calls.move(-CALLS)
        when :end then @calls.move(CALLS)
        when :enter
          @opened = @calls.chosen
          @call_id = @opened&.call_id
          @offset = 0
        end
      end

      def press_in_ladder(key, height)
        case key
        when :up then @offset -= 1
        when :down then @offset += 1
        when :page_up then @offset -= height - 3
        when :page_down then @offset += height - 3
        when :home then @offset = 0
        when :end then @offset = Float::INFINITY
        when :back, :enter then @call_id = @opened = nil
        end
      end

      def draw(screen)
        height, width = screen.size
        color = @values.color && CallRecord::Terminal.color?($stdout)
        body = @opened ? ladder(height - 1, width, color) : page(height - 1, width, color)
        footer = CallRecord::Canvas.new.put(0, @opened ? LADDER_KEYS : LIST_KEYS, :time)
        footer = CallRecord::Canvas.new.put(0, CallRecord::Visible.of(@problem), :error) if @problem
        body += [""] * [height - 1 - body.size, 0].max
        screen.draw([*body.first(height - 1), footer.to_s(color: color)])
      end

      # A third at most of what is left is the calls'; the tables have the rest.
      def page(height, width, color)
        head = StatusPage.new(@status, width: width, rate: @rate).head
        left = height - head.size - 1
        tables = StatusTables.new(@status, width).within(left - [@calls.size + 1, left / 3].min)
        [*head, *tables, CallRecord::Canvas.new, *@calls.lines(left - tables.size, width)].map do |line|
          line.to_s(color: color)
        end
      end

      def ladder(height, width, color)
        lines = CallText.new(@opened, width, color).to_s.lines(chomp: true)
        @offset = @offset.clamp(0, [lines.size - height, 0].max)
        lines.drop(@offset).first(height)
      end
    end
  end
end
