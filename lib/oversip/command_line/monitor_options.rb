# frozen_string_literal: true

require "optparse"
require "oversip/command_line/arguments"
require "oversip/command_line/socket_search"
require "oversip/seconds"

module OverSIP
  class CommandLine
    # The options of the commands that ask a running server: `trace`, `top` and `status`.
    #
    # @api private
    class MonitorOptions
      # Forms of a trace.
      FORMS = {
        list: "A line for each call", mermaid: "A sequence diagram of Mermaid", svg: "A picture",
        html: "A web page, one file",
        pcap: "A capture file for Wireshark (pcapng)", json: "JSON"
      }.freeze

      # Calls that may be asked for: more than any memory has room for.
      MOST_CALLS = (2**31) - 1

      # How long something takes: "2s", "500ms", "1.5"; no more digits than a Float has room for.
      DURATION = /\A(\d{1,100}(?:\.\d{1,100})?)(s|ms)?\z/
      private_constant :MOST_CALLS, :DURATION

      # What they say. `given` is for {SocketSearch}.
      Values = Struct.new(:given, :color, :last, :failed, :follow, :to, :slow, :sip_method, :form, :output, :unredacted,
                          :once, :interval, keyword_init: true)

      # @return [Values]
      attr_reader :values

      # @param command [Symbol] :trace, :top or :status
      # @param values [Values] what is known before
      def initialize(command, values)
        @command = command
        @values = values
        @parser = OptionParser.new
        send(command)
        server
        @parser.on("-h", "--help", "Show this and exit") { throw :help }
      end

      # @param banner [String]
      # @return [String]
      def help(banner)
        @parser.banner = banner
        @parser.help
      end

      # @param arguments [Array<String>]
      # @return [Array<String>] the words among them
      # @raise [OptionParser::ParseError]
      def words(arguments)
        @parser.permute(arguments).tap { check_follow }
      end

      private

      def on(*names)
        @parser.on(*names) do |value|
          refuse("empty value") if value == ""
          yield value
        end
      end

      def refuse(reason)
        error = OptionParser::InvalidArgument.new
        error.reason = reason
        raise error
      end

      def number(value, least, most, name)
        refuse("#{name} has to be #{least} or more") if value < least
        refuse("#{name} has to be #{most} or less") if value > most
        value
      end

      def trace
        choice
        FORMS.each { |form, words| on("--#{form}", words) { form(form) } }
        on("-o", "--output FILE", "Write to this file, which only its owner may read; -: to stdout") do |file|
          values.output = file == "-" ? nil : Arguments.path(file)
        end
        on("--unredacted", "Show credentials, passwords, keys of media and all bodies too") { values.unredacted = true }
      end

      def choice
        on("--last N", OptionParser::DecimalInteger, "The last N calls") do |calls|
          values.last = number(calls, 1, MOST_CALLS, "--last")
        end
        on("--failed", "Calls that have failed") { values.failed = true }
        on("--to USER", "Calls to this user of To or of a Request-URI: bob, bob@example.com, +49301") do |user|
          values.to = user
        end
        on("--slow TIME", "Calls whose caller waited so long for a response, or with such a block: 2s, 500ms") do |text|
          values.slow = number(seconds(text), 0, Seconds::MOST, "--slow")
        end
        on("--method METHOD", "Of this method: INVITE, REGISTER, …") { |name| values.sip_method = name.upcase.to_sym }
        on("-f", "--follow", "Write what happens from now on") { values.follow = true }
      end

      def seconds(text)
        number, unit = DURATION.match(text)&.captures
        refuse("'#{text}' is no time such as 2s, 500ms or 1.5") unless number
        unit == "ms" ? Float(number) / 1000 : Float(number)
      end

      def form(form)
        refuse("one form only, and --#{values.form} was given") if values.form && values.form != form
        values.form = form
      end

      def check_follow
        return unless values.follow && ![nil, :json].include?(values.form)

        raise OptionParser::InvalidOption, "--#{values.form} with --follow: a #{values.form} file is written at once"
      end

      def top
        on("--once", "Print one page and exit; without a terminal this is so anyway") { values.once = true }
        on("-i", "--interval TIME", "From one look to the next (default 1s)") do |text|
          values.interval = number(seconds(text), 0.2, Seconds::MOST, "--interval")
        end
      end

      def status
        on("--json", "Everything, as JSON") { values.form = :json }
      end

      def server
        given = values.given
        on("--socket PATH", "The socket of the server, core: control_socket") do |path|
          given.socket = Arguments.path(path)
        end
        on("-P", "--pid FILE", "The PID file of the server, with its socket beside it") do |file|
          given.pid_file = Arguments.path(file)
        end
        on("--config-dir DIR", "The folder of the server") { |folder| given.config_dir = Arguments.path(folder) }
        on("--config-file FILE", "Name of the main file in that folder") { |file| given.config_file = file }
        on("-p", "--process-name NAME", "Name of the server's process") { |name| given.process_name = name }
        @parser.on("--no-color", "No colours") { values.color = false }
      end
    end
  end
end
