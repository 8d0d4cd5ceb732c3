# frozen_string_literal: true

require "oversip/command_line/arguments"
require "oversip/command_line/commands"
require "oversip/command_line/monitor_options"
require "oversip/monitor_client"
require "oversip/system_reason"

module OverSIP
  class CommandLine
    # A command that asks a running server: `trace`, `top` or `status`.
    #
    # @api private
    class Inquiry
      # Options that may stand before the command, as {CommandLine} knows them.
      SHARED = %w[--config-dir --config-file --pid --process-name --no-color].freeze
      private_constant :SHARED

      # @param program [String]
      # @param command [Commands::Command]
      # @param options [CommandLine::Options] what stood before the command
      # @param given [Array<String>] the names of these options
      def initialize(program, command, options, given)
        @program = program
        @command = command
        @before = given - SHARED
        @options = MonitorOptions.new(command.name.to_sym, values(options, given))
      end

      # @return [String]
      def name
        @command.name
      end

      # @return [String]
      def help
        @options.help(Commands.text(@program, @command))
      end

      # @param arguments [Array<String>] what follows the command
      # @return [Symbol, nil] :help when that is asked for
      # @raise [OptionParser::ParseError]
      def read(arguments)
        read = false
        catch(:help) do
          @words = @options.words(arguments)
          read = true
        end
        :help unless read
      end

      # @return [Integer] the exit status
      # @raise [Mistake]
      def run
        refuse
        folder, *rest = words
        @options.values.given.config_dir = Arguments.path(folder) if folder
        client = MonitorClient.new(SocketSearch.new(@options.values.given).path)
        case name
        when "trace" then TraceCommand.new(client, @options.values, rest.first).run
        when "top" then TopCommand.new(client, @options.values).run
        else StatusCommand.new(client, @options.values).run
        end
      rescue OverSIP::RuntimeError => e
        failed(e)
      rescue SystemCallError => e
        failed(OverSIP::RuntimeError.new(SystemReason.of(e)))
      end

      private

      # @return [Integer] the exit status
      def failed(error)
        message = CallRecord::Visible.of(error.message, limit: LONGEST_MESSAGE)
        if name == "status"
          puts "#{error.is_a?(MonitorClient::NoAnswer) ? "CRITICAL" : "UNKNOWN"}: #{message}"
          return error.is_a?(MonitorClient::NoAnswer) ? 2 : 3
        end

        warn "ERROR: #{@program} #{name}: #{message}"
        1
      end

      def values(options, given)
        known = { "--config-dir" => :config_dir, "--config-file" => :config_file, "--pid" => :pid_file,
                  "--process-name" => :process_name }
        search = SocketSearch::Given.new(**known.slice(*given).to_h { |_, field| [field, options[field]] })
        MonitorOptions::Values.new(given: search, color: options.color)
      end

      def refuse
        if @before.any?
          raise Mistake,
                "#{name} does not take #{@before.first}: #{@program} help #{name} shows what it takes"
        end
        raise Mistake, "an argument of #{name} is empty: #{@program} #{@command.usage}" if @words.include?("")

        surplus = @words[@command.words.max]
        return unless surplus || (name == "trace" && words.size > 2)

        raise Mistake, "#{name} takes #{@command.arguments}, '#{surplus || @words.last}' is too much: " \
                       "#{@program} help #{name} shows what it takes"
      end

      # @return [Array<String, nil>] the folder, and what follows it; a word of `trace` is a folder if there is such a one
      def words
        return @words if name != "trace" || @words.empty? || File.directory?(@words.first)

        [nil, *@words]
      end
    end
  end
end
