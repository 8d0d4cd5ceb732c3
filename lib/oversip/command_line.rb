# frozen_string_literal: true

require "optparse"
require "oversip"
require "oversip/command_line/arguments"
require "oversip/command_line/commands"
require "oversip/command_line/inquiry"
require "oversip/command_line/words"
require "oversip/folder_check"
require "oversip/launcher"
require "oversip/nearest"
require "oversip/starter"

module OverSIP
  # The `oversip` command: options, a command and its folder, in any order. Without a command it starts the server, as
  # OverSIP 2 does.
  #
  # @api private
  class CommandLine
    # What a command needs that asks a running server is loaded when it runs.
    autoload :StatusCommand, "oversip/command_line/status_command"
    autoload :TopCommand, "oversip/command_line/top_command"
    autoload :TraceCommand, "oversip/command_line/trace_command"

    DEFAULT_DIR = "/etc/oversip"

    # The exit status after INT, as a shell counts it.
    INTERRUPTED = 130

    # Characters of what is said of a mistake.
    LONGEST_MESSAGE = 2000

    # What the options say.
    Options = Struct.new(:pid_file, :process_name, :config_dir, :config_file, :user, :group, :color, :log_file,
                         keyword_init: true)

    # @return [Integer] the exit status
    def self.run(arguments, program: File.basename($PROGRAM_NAME))
      new(program).run(arguments)
    end

    def initialize(program)
      @program = program
      @options = Options.new(process_name: program, config_dir: DEFAULT_DIR, config_file: Config::FILE_NAME, color: true)
      @words = []
      @known = []
      @given = []
    end

    def run(arguments)
      @arguments = arguments
      read_files_as_utf8
      inquiry = read(Arguments.texts(arguments))
      return show(@information) if @information
      return inquiry.run if inquiry

      call = Words.new(@program, @words, given: @given, known: @known).call
      @options.config_dir = Arguments.path(call.folder) if call.folder
      perform(call)
    rescue OptionParser::ParseError => e
      return show(:help) if @information == :help

      fail_with(one_line(e), usage: true)
    rescue LoadError => e
      fail_with(e.message, usage: true)
    rescue Mistake, ConfigurationError => e
      fail_with(e.message)
    rescue Interrupt
      INTERRUPTED
    end

    private

    # @param call [Words::Call] of a command that asks no server
    # @return [Integer] the exit status
    def perform(call)
      case call.command.name
      when "start" then Launcher.new(@options).run
      when "check" then check
      when "init" then init(call.folder)
      when "help" then tell(usage(call.about))
      when "version" then tell(DESCRIPTION)
      end
    end

    def check
      Logger.target = target = FolderCheck::CountingTarget.new(color: @options.color)
      check = FolderCheck.new(@options.config_dir, file: @options.config_file).run
      Logger.flush # warnings that were logged come first
      [*check.problems, *check.advice].each { |line| warn line }
      puts "#{@options.config_dir}: #{summary(check, target.warnings)}"
      check.problems.empty? ? 0 : 1
    end

    def init(folder)
      Starter.new(folder).write.each { |file| puts "wrote #{file}" }
      folder = Folder.shell(folder)
      puts "specs: cd #{folder} && rspec (needs `gem install rspec`)", "now: #{@program} --config-dir #{folder}"
      0
    end

    def tell(text)
      puts text
      0
    end

    # Commands and options in any order: a word is a command or its folder wherever it stands, and behind `--` whatever it
    # looks like. A command that asks a running server has its own options, which follow it.
    #
    # @return [Inquiry, nil]
    def read(arguments)
      rest = arguments.dup
      catch(:inquiry) do
        parser.order!(rest) do |word|
          @words << word
          throw :inquiry if asks?
        end
        @words << rest.shift until rest.empty? || asks?
        rest.unshift("--")
      end
      return unless asks?

      Inquiry.new(@program, Commands.named(@words.first), @options, @given).tap do |inquiry|
        @information ||= inquiry.read(rest)
      end
    end

    # @return [Boolean] whether the first word is a command that asks a running server
    def asks?
      @words.one? && Commands.named(@words.first)&.options == :monitor
    end

    # @return [Integer] the exit status
    def show(information)
      tell(information == :version ? DESCRIPTION : usage(Commands.named(@words.first)))
    end

    def summary(check, warnings)
      advice = check.advice.size + warnings
      counts = []
      counts << "#{check.problems.size} to be changed" if check.problems.any?
      counts << "#{advice} to be looked at" if advice.positive?
      return "nothing is wrong" if counts.empty?

      hint = "; #{Folder.hint(@options.config_dir)}" if File.directory?(@options.config_dir) && check.missing?
      "#{counts.join(", ")}#{hint}"
    end

    # One line on stderr. A start shows on stdout what would be right, as OverSIP 2 does.
    #
    # @param usage [Boolean] whether a start shows it
    # @return [Integer] the exit status
    def fail_with(message, usage: false)
      warn "ERROR: #{@program} #{CallRecord::Visible.of(message, limit: LONGEST_MESSAGE)}"
      puts usage(meant) if usage && serves?
      meant&.mistaken || 1
    end

    # The command of a line with a mistake, which may stand before it.
    #
    # @return [Commands::Command, nil]
    def meant
      @words.empty? ? @arguments.filter_map { |argument| Commands.named(argument) }.first : Commands.named(@words.first)
    end

    # @return [Boolean] whether a start is meant
    def serves?
      meant.nil? || meant.name == "start"
    end

    # The suggestion of OptionParser has a line of its own, without the dashes.
    def one_line(error)
      message, suggestion = error.message.split(/\s*\n\s*Did you mean\?\s*/, 2)
      names = suggestion.to_s.split.map { |name| name.length > 1 ? "--#{name}" : "-#{name}" }
      return "#{message}; did you mean #{names.join(" or ")}?" if names.any?

      serves? ? message : "#{message}: #{@program} help #{meant.name} shows what it takes"
    end

    # Ruby warns of a change of the default encoding; no text has been read before this one.
    def read_files_as_utf8
      verbose = $VERBOSE
      $VERBOSE = nil
      Encoding.default_external = Encoding::UTF_8
    ensure
      $VERBOSE = verbose
    end

    # @param command [Commands::Command, nil] nil: all of them
    def usage(command)
      return Inquiry.new(@program, command, @options, []).help if command&.options == :monitor

      parser = OptionParser.new
      parser.banner = command ? Commands.text(@program, command) : Commands.overview(@program)
      define_options(parser) if command.nil? || command.options == :server
      information(parser)
      parser.help
    end

    def parser
      @parser ||= OptionParser.new.tap do |parser|
        define_options(parser)
        information(parser)
      end
    end

    def define_options(parser)
      files(parser)
      process(parser)
      ruby(parser)
    end

    # An option of the server, which is noted as given.
    def option(parser, *names)
      name = names.grep(/\A--/).first[/\A[^ ]+/]
      @known |= [name]
      parser.on(*names) do |value|
        refuse_empty(value)
        @given << name
        yield value
      end
    end

    # An unset variable of a shell gives an empty value.
    def refuse_empty(value)
      return unless value == ""

      error = OptionParser::InvalidArgument.new
      error.reason = "empty value"
      raise error
    end

    def files(parser)
      option(parser, "--config-dir DIR",
             "Folder of oversip.conf, proxies.conf and server.rb (default #{DEFAULT_DIR})") do |dir|
        @options.config_dir = Arguments.path(dir)
      end
      option(parser, "--config-file FILE", "Name of the main file in that folder (default #{Config::FILE_NAME})") do |file|
        @options.config_file = file
      end
    end

    def process(parser)
      option(parser, "-P", "--pid FILE", "Run as a daemon and write the number of its process to this file") do |file|
        @options.pid_file = Arguments.path(file)
      end
      option(parser, "--log-file FILE", "Log to this file, in place of syslog or stderr; HUP opens it again") do |file|
        @options.log_file = Arguments.path(file)
      end
      option(parser, "-p", "--process-name NAME", "Name of the process (default #{@program})") do |name|
        @options.process_name = name
      end
      option(parser, "-u", "--user USER", "Run as this user once the ports are open") { |user| @options.user = user }
      option(parser, "-g", "--group GROUP", "Run as this group once the ports are open") { |group| @options.group = group }
      option(parser, "--no-color", "No colours in the printed configuration and the log") { @options.color = false }
    end

    def ruby(parser)
      option(parser, "-d", "--debug", "Set $DEBUG") { $DEBUG = true }
      option(parser, "-w", "--warn", "Turn Ruby's warnings on") { $VERBOSE = true }
      option(parser, "-I", "--include PATH", "Search libraries here first (may be repeated; PATH:PATH)") do |paths|
        $LOAD_PATH.unshift(*paths.split(":").map { |path| Arguments.path(path) })
      end
      option(parser, "-r", "--require LIBRARY", "Load a library first (may be repeated)") { |library| load_library(library) }
    end

    def load_library(library)
      require library
      # It may be a Rails application that does not name this gem.
      require "oversip/railtie" if defined?(::Rails::Railtie)
    rescue ScriptError, StandardError => e
      raise if e.is_a?(LoadError)

      raise LoadError, "cannot load #{library}: #{Logger::Formatting.text(e.message)} (#{e.class})"
    end

    def information(parser)
      parser.on("-h", "--help", "Show this and exit") { @information ||= :help }
      parser.on("-v", "--version", "Show the version and exit") { @information ||= :version }
    end
  end
end
