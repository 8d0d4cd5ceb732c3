# frozen_string_literal: true

module OverSIP
  class CommandLine
    # The commands of `oversip` and what each one's help says.
    #
    # @api private
    module Commands
      # @!attribute arguments
      #   @return [String] as the usage shows them
      # @!attribute words
      #   @return [Range] how many arguments it takes
      # @!attribute server_options
      #   @return [Boolean] whether it takes the options of a start
      Command = Struct.new(:name, :arguments, :words, :summary, :server_options, :text, keyword_init: true) do
        def usage
          [name, arguments].compact.join(" ")
        end
      end

      SIGNALS = <<~TEXT
        Runs in the foreground and logs to stderr, or with --pid as a daemon that logs to syslog.
        TERM, QUIT or (in the foreground) INT end it, HUP reloads proxies.conf, server.rb and renewed
        certificates, USR1 runs SystemEvents.on_user_reload.
      TEXT

      SERVES = <<~TEXT.freeze
        Serves with the files of DIR, which stands for --config-dir DIR. `oversip` without a command does
        the same.

        #{SIGNALS.chomp}
      TEXT

      CHECKS = <<~TEXT
        Says what is wrong with the files of DIR (or --config-dir DIR) and starts nothing: the exit status is 1
        when something has to be changed. server.rb is read, not run. The options of a start are taken too;
        of them --config-file, -I and -r matter here.
      TEXT

      WRITES = <<~TEXT
        Writes oversip.conf, proxies.conf and server.rb to DIR, with every parameter and its default in
        comments, folders for certificates, and spec/server_spec.rb, which shows what server.rb does:
        `rspec` in DIR runs it on a simulated network. Nothing is written over.
      TEXT

      ALL = [
        Command.new(name: "start", arguments: "[DIR]", words: 0..1, server_options: true, text: SERVES,
                    summary: "serve with the files of a folder"),
        Command.new(name: "check", arguments: "[DIR]", words: 0..1, server_options: true, text: CHECKS,
                    summary: "say what is wrong with a folder"),
        Command.new(name: "init", arguments: "DIR", words: 1..1, text: WRITES, summary: "write a folder to begin with"),
        Command.new(name: "help", arguments: "[COMMAND]", words: 0..1, summary: "show this, or the help of a command",
                    text: "Shows the commands and the options, or those of one command.\n"),
        Command.new(name: "version", words: 0..0, summary: "show the version", text: "Shows the version.\n")
      ].freeze

      # What a user of other servers may look for.
      ELSEWHERE = {
        "stop" => "a server ends with TERM: kill -TERM PID",
        "restart" => "a server ends with TERM (kill -TERM PID); then start it again",
        "reload" => "a server reads its files again with HUP: kill -HUP PID",
        "status" => "the PID file names the process of a daemon"
      }.freeze

      class << self
        # @return [Command, nil]
        def named(name)
          ALL.find { |command| command.name == name }
        end

        # @return [Array<String>]
        def names
          ALL.map(&:name)
        end

        # @return [String] the head of the help of all
        def overview(program)
          width = ALL.map { |command| command.usage.length }.max
          list = ALL.map { |command| "    #{program} #{command.usage.ljust(width)}  #{command.summary}" }
          <<~TEXT
            Usage: #{program} [COMMAND] [options]

            #{list.join("\n")}

            Without a command it serves: #{program} --config-dir DIR. #{program} help COMMAND says more.

            #{SIGNALS}
          TEXT
        end

        # @return [String] the head of the help of one
        def text(program, command)
          "Usage: #{program} #{command.usage}#{" [options]" if command.server_options}\n\n#{command.text}\n"
        end
      end
    end
  end
end
