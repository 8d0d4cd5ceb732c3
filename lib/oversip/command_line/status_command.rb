# frozen_string_literal: true

require "oversip/call_record/terminal"
require "oversip/command_line/output"
require "oversip/command_line/status_page"
require "oversip/command_line/verdict"
require "oversip/monitor_client"
require "oversip/pretty_json"

module OverSIP
  class CommandLine
    # `oversip status`: one page about a running server. The first line and the exit status are those of a plugin for
    # monitoring systems.
    #
    # @api private
    class StatusCommand
      # @param client [MonitorClient]
      # @param values [MonitorOptions::Values]
      def initialize(client, values)
        @client = client
        @values = values
      end

      # @return [Integer] the exit status: that of the {Verdict}
      # @raise [MonitorClient::Error]
      def run
        status = @client.status
        say(@values.form == :json ? PrettyJson.of(status) : page(status))
        Verdict.new(status).exit_status
      end

      private

      # Whoever reads it may have seen enough; the exit status says the rest.
      def say(text)
        Output.write(text)
      rescue Errno::EPIPE
        nil
      end

      def page(status)
        color = @values.color && CallRecord::Terminal.color?($stdout)
        StatusPage.new(status, width: CallRecord::Terminal.columns($stdout)).lines.map do |line|
          "#{line.to_s(color: color)}\n"
        end.join
      end
    end
  end
end
