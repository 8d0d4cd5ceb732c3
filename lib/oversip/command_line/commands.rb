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
      # @!attribute options
      #   @return [Symbol, nil] :server: those of a start; :monitor: its own, see {MonitorOptions}; nil: none
      # @!attribute mistaken
      #   @return [Integer, nil] the exit status after a mistake in its arguments; nil: 1
      Command = Struct.new(:name, :arguments, :words, :summary, :options, :text, :mistaken, keyword_init: true) do
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

      TRACES = <<~TEXT
        Shows calls of a running server as ladders: the newest INVITE, or the calls that the options choose, or the one
        whose Call-ID begins so. DIR is the folder of the server. Credentials, passwords, keys of media and bodies other
        than SDP are left out.

            oversip trace --list --last 20          the last twenty calls, a line for each
            oversip trace --failed --last 5         the last five calls that have failed
            oversip trace --to bob --html -o x.html a page about the calls to bob, for a mail
            oversip trace --slow 2s                 calls whose caller waited for two seconds
            oversip trace --pcap | wireshark -k -i - the newest call in Wireshark
            oversip trace --follow                  what happens from now on

        The exit status is 1 when there is no such call. `trace: calls` and `bytes` in oversip.conf say how much the server
        keeps.
      TEXT

      TOPS = <<~TEXT
        Shows what a running server does, each second: calls, targets with their health, why calls fail, the slowest
        blocks. The arrow keys choose a call, Enter opens its ladder, Esc leaves it, q ends.
      TEXT

      STATES = <<~TEXT
        Says how a running server is. The first line and the exit status are those of a plugin for monitoring: 0 OK; 1
        WARNING: a target is blacklisted, an event waits for the script or a block runs for a second, a HEP collector is
        away; 2 CRITICAL: no server answers, the script does not answer within a second, an event waits or a block runs for
        ten seconds; 3 UNKNOWN: the socket cannot be asked, or an argument is a mistake.
      TEXT

      ALL = [
        Command.new(name: "start", arguments: "[DIR]", words: 0..1, options: :server, text: SERVES,
                    summary: "serve with the files of a folder"),
        Command.new(name: "check", arguments: "[DIR]", words: 0..1, options: :server, text: CHECKS,
                    summary: "say what is wrong with a folder"),
        Command.new(name: "init", arguments: "DIR", words: 1..1, text: WRITES, summary: "write a folder to begin with"),
        Command.new(name: "trace", arguments: "[DIR] [CALL-ID]", words: 0..2, options: :monitor, text: TRACES,
                    summary: "show calls of a running server as ladders"),
        Command.new(name: "top", arguments: "[DIR]", words: 0..1, options: :monitor, text: TOPS,
                    summary: "watch a running server"),
        Command.new(name: "status", arguments: "[DIR]", words: 0..1, options: :monitor, text: STATES,
                    mistaken: 3, summary: "say how a running server is"),
        Command.new(name: "help", arguments: "[COMMAND]", words: 0..1, summary: "show this, or the help of a command",
                    text: "Shows the commands and the options, or those of one command.\n"),
        Command.new(name: "version", words: 0..0, summary: "show the version", text: "Shows the version.\n")
      ].freeze

      # What a user of other servers may look for.
      ELSEWHERE = {
        "stop" => "a server ends with TERM: kill -TERM PID",
        "restart" => "a server ends with TERM (kill -TERM PID); then start it again",
        "reload" => "a server reads its files again with HUP: kill -HUP PID",
        "log" => "records go to stderr, to syslog, or to the file of --log-file",
        "calls" => "oversip trace shows calls, oversip top lists them"
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
          "Usage: #{program} #{command.usage}#{" [options]" if command.options}\n\n#{command.text}\n"
        end
      end
    end
  end
end
