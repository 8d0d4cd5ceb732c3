# frozen_string_literal: true

require "json"
require "oversip/call_record"
require "oversip/command_line/call_line"
require "oversip/command_line/call_text"
require "oversip/command_line/output"
require "oversip/command_line/output_file"
require "oversip/command_line/trace_choice"
require "oversip/command_line/trace_follower"
require "oversip/errors"

module OverSIP
  class CommandLine
    # `oversip trace`: calls of a running server, in the form that is asked for.
    #
    # @api private
    class TraceCommand
      # Calls that are looked at first, when nothing is asked of them.
      NEWEST = 50

      # @param client [MonitorClient]
      # @param values [MonitorOptions::Values]
      # @param call_id [String, nil]
      def initialize(client, values, call_id)
        @client = client
        @values = values
        @choice = TraceChoice.new(values, call_id)
      end

      # @return [Integer] the exit status: 1 when there is no such call
      # @raise [OverSIP::RuntimeError]
      def run
        check_terminal
        return TraceFollower.new(@client, @values, @choice).run if @values.follow

        record = chosen
        return nothing if record.empty?

        # A clock that stands at 0 when the first of these calls begins.
        write(record.with_zero_at(record.events.first.at))
        0
      rescue Errno::EPIPE
        0 # whoever reads it has seen enough
      end

      private

      # The newest calls are few; only where none of them is meant, all are asked for.
      def chosen
        if @choice.newest?
          record = from(last: NEWEST)
          return record if @choice.best?(record) || @reader.call_ids.size < NEWEST
        end
        record = from(@choice.query)
        record.empty? && @choice.call_id ? from({}) : record
      end

      # @return [CallRecord]
      def from(query)
        @reader = reader(query)
        @choice.of(@reader)
      end

      def reader(query = {})
        reader = CallRecord::TraceReader.new
        @client.each_line("/trace", **query) { |line| reader.add(line) }
        reader
      end

      def nothing
        kept = @reader.call_ids.size
        warn kept.zero? ? "the server has kept no call yet" : "none of the #{kept} calls that the server keeps is such a one"
        1
      end

      def check_terminal
        return unless @values.form == :pcap && @values.output.nil? && $stdout.tty?

        raise OverSIP::RuntimeError, "a capture file is binary: --pcap -o FILE, or --pcap | wireshark -k -i -"
      end

      def write(record)
        record = CallRecord::Redaction.new.call(record) unless @values.unredacted
        document = document(record)
        return OutputFile.new(@values.output).write(document) if @values.output

        $stdout.binmode
        Output.write(document)
      end

      def document(record)
        case @values.form
        when :list then list(record)
        when :mermaid then parts(record) { |part| CallRecord::MermaidLadder.new(part).to_s }
        when :svg then CallRecord::SvgLadder.new(record, title: title(record)).to_s
        when :html then CallRecord::HtmlLadder.new(record, title: title(record)).to_s
        when :pcap then CallRecord::Pcapng.new(record).to_s
        when :json then CallRecord::Json.new(record).to_s
        else
          output = @values.output ? CallText::FILE_WIDTH : $stdout
          CallText.of(record, output, @values.color)
        end
      end

      def list(record)
        color = @values.color && @values.output.nil? && CallRecord::Terminal.color?($stdout)
        width = @values.output ? CallText::FILE_WIDTH : CallRecord::Terminal.columns($stdout)
        CallLine.list(record.summaries, width).map { |line| "#{line.to_s(color: color)}\n" }.join
      end

      def parts(record, &)
        record.calls.values.map(&).join("\n")
      end

      def title(record)
        calls = record.summaries
        return "#{calls.size} calls" if calls.size > 1

        call = calls.first
        [call.sip_method, call.from, "to", call.to].compact.join(" ")
      end
    end
  end
end
