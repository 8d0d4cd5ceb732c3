# frozen_string_literal: true

require "optparse"
require "oversip"
require "oversip/folder_check"
require "oversip/launcher"
require "oversip/starter"

module OverSIP
  # The options of the `oversip` command.
  #
  # @api private
  class CommandLine
    DEFAULT_DIR = "/etc/oversip"

    # What the options say.
    Options = Struct.new(:pid_file, :process_name, :config_dir, :config_file, :user, :group, :color, keyword_init: true)

    # @return [Integer] the exit status
    def self.run(arguments, program: File.basename($PROGRAM_NAME))
      new(program).run(arguments)
    end

    def initialize(program)
      @program = program
      @options = Options.new(process_name: program, config_dir: DEFAULT_DIR, config_file: Config::FILE_NAME, color: true)
    end

    def run(arguments)
      words = catch(:exit) { parser.parse(arguments) }
      case words
      when Integer then words
      when ["check"] then check
      when ->(list) { list.first == "init" && list.size == 2 } then init(words.last)
      else Launcher.new(@options).run
      end
    rescue OptionParser::ParseError, LoadError => e
      warn "ERROR: #{@program} #{e.message}"
      puts parser.help
      1
    end

    private

    # @return [Integer] the exit status
    def check
      problems = FolderCheck.new(@options.config_dir, file: @options.config_file).problems
      problems.each { |problem| warn problem }
      puts "#{@options.config_dir}: #{problems.empty? ? "nothing is wrong" : "#{problems.size} to be changed"}"
      problems.empty? ? 0 : 1
    end

    # @return [Integer] the exit status
    def init(folder)
      Starter.new(folder).write.each { |file| puts "wrote #{file}" }
      puts "now: #{@program} --config-dir #{folder}"
      0
    rescue ConfigurationError, SystemCallError => e
      warn "ERROR: #{@program} #{e.message}"
      1
    end

    def parser
      @parser ||= OptionParser.new do |parser|
        parser.banner = <<~TEXT
          Usage: #{@program} [options]                 serve
                 #{@program} check [--config-dir DIR]  say what is wrong with a folder
                 #{@program} init DIR                  write a folder to begin with

          Runs in the foreground and logs to stderr, or with --pid as a daemon that logs to syslog.
          TERM, QUIT or (in the foreground) INT end it, HUP reloads proxies.conf and server.rb, USR1
          runs SystemEvents.on_user_reload.

        TEXT
        files(parser)
        process(parser)
        ruby(parser)
        information(parser)
      end
    end

    def files(parser)
      parser.on("--config-dir DIR",
                "Folder of oversip.conf, proxies.conf and server.rb (default #{DEFAULT_DIR})") do |dir|
        @options.config_dir = File.expand_path(dir)
      end
      parser.on("--config-file FILE", "Name of the main file in that folder (default #{Config::FILE_NAME})") do |file|
        @options.config_file = file
      end
    end

    def process(parser)
      parser.on("-P", "--pid FILE", "Run as a daemon and write the number of its process to this file") do |file|
        @options.pid_file = File.expand_path(file)
      end
      parser.on("-p", "--process-name NAME", "Name of the process (default #{@program})") do |name|
        @options.process_name = name
      end
      parser.on("-u", "--user USER", "Run as this user once the ports are open") { |user| @options.user = user }
      parser.on("-g", "--group GROUP", "Run as this group once the ports are open") { |group| @options.group = group }
      parser.on("--no-color", "No colours in the printed configuration and the log") { @options.color = false }
    end

    def ruby(parser)
      parser.on("-d", "--debug", "Set $DEBUG") { $DEBUG = true }
      parser.on("-w", "--warn", "Turn Ruby's warnings on") { $VERBOSE = true }
      parser.on("-I", "--include PATH", "Search libraries here first (may be repeated; PATH:PATH)") do |paths|
        $LOAD_PATH.unshift(*paths.split(":").map { |path| File.expand_path(path) })
      end
      parser.on("-r", "--require LIBRARY", "Load a library first (may be repeated)") { |library| require library }
    end

    def information(parser)
      parser.on("-h", "--help", "Show this and exit") { finish_with(parser.help) }
      parser.on("-v", "--version", "Show the version and exit") { finish_with(DESCRIPTION) }
    end

    def finish_with(text)
      puts text
      throw :exit, 0
    end
  end
end
