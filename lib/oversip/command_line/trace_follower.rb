# frozen_string_literal: true

require "json"
require "oversip/call_record"
require "oversip/command_line/call_text"
require "oversip/command_line/follow_line"
require "oversip/command_line/output"
require "oversip/command_line/output_file"

module OverSIP
  class CommandLine
    # `oversip trace --follow`: writes what happens to calls as it happens. With conditions that only the course of a call
    # meets (`--failed`, `--slow`), a call is written from its beginning when it meets them.
    #
    # @api private
    class TraceFollower
      # Calls that are remembered, as many as the server keeps by default.
      MOST = 1000
      # Calls whose beginning is read before it is followed: those that go on are among them.
      BEFORE = 100
      # Rows after which it is judged anew whether a call is meant.
      JUDGED = %w[message block unanswered].freeze
      # Rows that a call may end with.
      ENDING = %w[message unanswered].freeze
      private_constant :BEFORE, :JUDGED, :ENDING

      # What is known of a call that is written: its number, and whether its end was written.
      Followed = Struct.new(:number, :ended)

      # @param client [MonitorClient]
      # @param values [MonitorOptions::Values]
      # @param choice [TraceChoice]
      def initialize(client, values, choice)
        @client = client
        @values = values
        @choice = choice
        @reader = CallRecord::TraceReader.new
        @redaction = CallRecord::Redaction.new unless values.unredacted
        @followed = {}
        @count = 0
      end

      # @return [Integer] the exit status: that the server has ended is no error
      # @raise [OverSIP::RuntimeError]
      def run
        open_output
        @client.each_line("/trace", follow: 1, last: BEFORE) { |line| take(line) }
        warn "the server has ended"
        0
      rescue Errno::EPIPE
        0 # whoever reads it has seen enough
      ensure
        @output.close if @values.output && @output
      end

      private

      def open_output
        @output = @values.output ? OutputFile.new(@values.output).append : $stdout
        @output.sync = true
        @line = FollowLine.new(@output, @values.color)
      end

      def take(line)
        greet = @reader.head.nil?
        row, event = @reader.follow(line)
        warn "following the calls of #{@client.path}; Ctrl-C ends" if greet && @reader.head
        return unless row

        # An attempt has the time of its beginning.
        event = event.later(row["at"] - event.at) if row["kind"] == "attempt_ended" && event
        call_id = row["call_id"]
        new = row["at"].to_f > @reader.head["now"].to_f
        call_id ? of_call(call_id, row, event, new) : of_no_call(row, event, new)
        @followed.shift if @followed.size > MOST
        @reader.keep_last(MOST)
      end

      # That calls are missing concerns whoever has asked for some.
      def of_no_call(row, event, new)
        write(event, nil) if new && event && (@choice.newest? || row["kind"] == "missed")
      end

      def of_call(call_id, row, event, new)
        followed = @followed[call_id]
        if followed
          write(event, followed.number) if event && new && worth?(row, event)
        elsif new && JUDGED.include?(row["kind"])
          followed = begin_with(call_id) or return
        end
        note_end(call_id, followed) if followed && new && ENDING.include?(row["kind"])
      end

      # An attempt that is answered shows itself.
      def worth?(row, event)
        row["kind"] == "attempt_ended" ? event.vain? : !event.is_a?(CallRecord::Attempt)
      end

      def begin_with(call_id)
        call = @reader.followed_call(call_id).call
        return unless call && @choice.include?(call)

        followed = @followed[call_id] = Followed.new(@count += 1, false)
        put(@line.beginning(shown(call), followed.number)) unless @values.form == :json
        call.record.events.each do |event|
          write(event, followed.number) unless event.is_a?(CallRecord::Attempt) && !event.vain?
        end
        followed
      end

      def note_end(call_id, followed)
        return if followed.ended || @values.form == :json

        call = @reader.followed_call(call_id).call
        return if call.outcome == :pending

        followed.ended = true
        put(@line.ending(shown(call), followed.number))
      end

      # @return [CallRecord::Call] without what is secret
      def shown(call)
        @redaction ? CallRecord::Call.new(call.call_id, @redaction.call(call.record)) : call
      end

      def write(event, number)
        record = CallRecord.new(element: @reader.element, began_at: @reader.began_at)
        again = event.is_a?(CallRecord::Message) && event.retransmission?
        record << event
        record = @redaction.call(record) if @redaction
        return put(CallRecord::Json.new(record).lines) if @values.form == :json

        put(@line.of(record, number, again))
      end

      def put(text)
        Output.outside(@values.output) { @output.write(text) }
      end
    end
  end
end
