# frozen_string_literal: true

require "etc"
require "socket"
require_relative "../support/server_folder"

RSpec.describe "The oversip command" do
  include ServerFolder

  it "shows its options" do
    out, error, status = oversip("--help")
    expect(out).to include("--config-dir DIR", "--pid FILE", "--no-color", "as a daemon that logs to syslog")
    expect([error, status.exitstatus]).to eq(["", 0])
  end

  it "shows its version" do
    out, = oversip("-v")
    expect(out).to start_with("OverSIP #{OverSIP::VERSION}\n")
  end

  it "reports a mistaken option, even when stdout is no terminal" do
    out, error, status = oversip("--no-such")
    expect(error).to eq("ERROR: oversip invalid option: --no-such\n")
    expect(out).to include("Usage: oversip")
    expect(status.exitstatus).to eq(1)
  end

  it "takes its options in the forms of OverSIP 2, abbreviated too, and a command wherever it stands" do
    folder(conf: "sip: {listen_port: x}")
    [%W[--config-dir #{@dir}], %W[--config-dir=#{@dir} -p name], %W[--config-d #{@dir} --no-color -P/x/pid],
     ["start", @dir], ["start", "--config-dir", @dir], ["--no-color", "start", @dir], ["--config-dir", @dir, "start"],
     ["start", "--", @dir]].each do |arguments|
      _, error, status = oversip(*arguments)
      expect([arguments, error, status.exitstatus]).to match([arguments, /sip\[listen_port\] has invalid value 'x'/, 1])
    end
  end

  it "takes a folder relative to where it stands" do
    folder(conf: "sip: {listen_port: x}")
    Dir.chdir(File.dirname(@dir)) do
      _, error, = oversip("start", File.basename(@dir))
      expect(error).to include("sip[listen_port]")
    end
  end

  describe "help" do
    def help(*arguments)
      out, error, status = oversip(*arguments)
      expect([arguments, error, status.exitstatus]).to eq([arguments, "", 0])
      out
    end

    it "lists the commands and the options" do
      expect(help("help")).to include("oversip trace [DIR] [CALL-ID] ", "oversip top [DIR] ", "oversip status [DIR] ", "oversip start [DIR] ", "oversip check [DIR] ", "oversip init DIR ", "oversip version ", "--pid FILE")
      expect([help("--help"), help("-h")]).to all(eq(help("help")))
    end

    it "shows each command's own usage, wherever --help stands" do
      { "start" => "[DIR] [options]", "check" => "[DIR] [options]", "init" => "DIR", "help" => "[COMMAND]", "version" => nil,
        "trace" => "[DIR] [CALL-ID] [options]", "top" => "[DIR] [options]", "status" => "[DIR] [options]" }
        .each do |command, arguments|
          text = help("help", command)
          expect(text.lines.first).to eq("#{["Usage: oversip", command, arguments].compact.join(" ")}\n")
          expect([help(command, "--help"), help("--help", command), help(command, "DIR", "-h")]).to all(eq(text))
          expect(text.include?("--log-file FILE")).to be(%w[start check].include?(command))
          expect(text.include?("--socket PATH")).to be(%w[trace top status].include?(command))
        end
    end

    it "is shown for a command line that has a mistake as well" do
      expect(help("start", "--help", "--no-such")).to start_with("Usage: oversip start [DIR]")
    end
  end

  it "shows its version as a command too" do
    out, error, status = oversip("version")
    expect([out, error, status.exitstatus]).to eq(["#{OverSIP::DESCRIPTION}\n", "", 0])
  end

  # One line on stderr, and nothing has been started.
  {
    %w[strat] => "unknown command 'strat': did you mean 'start'?",
    %w[chekc] => "unknown command 'chekc': did you mean 'check'?",
    %w[xyzzy] => "unknown command 'xyzzy': oversip help lists the commands",
    %w[help strat] => "unknown command 'strat': did you mean 'start'?",
    ["--config-dir", "/nonexistent", "xyzzy"] => "unknown command 'xyzzy': oversip help lists the commands",
    %w[stop] => "unknown command 'stop': a server ends with TERM: kill -TERM PID",
    %w[init] => "init needs a folder: oversip init DIR",
    %w[init a b] => "init takes one word, 'b' is too much: oversip help init shows what it takes",
    %w[version a] => "version takes no word, 'a' is too much: oversip help version shows what it takes",
    %w[start a pdi] => "start takes one word, 'pdi' is too much: did you mean --pid?",
    %w[check a --config-dir b] => "the folder is given twice: as 'a' and by --config-dir",
    [""] => "the name of the command is empty: oversip help lists the commands",
    ["start", ""] => "the name of the folder is empty: oversip start [DIR]",
    ["check", ""] => "the name of the folder is empty: oversip check [DIR]",
    ["init", ""] => "the name of the folder is empty: oversip init DIR",
    %w[init a --pid b] => "init does not take --pid: oversip help init shows what it takes"
  }.each do |arguments, message|
    it "refuses `oversip #{arguments.join(" ")}`" do
      out, error, status = Dir.chdir(@dir) { oversip(*arguments) }
      expect([out, error, status.exitstatus, Dir.children(@dir)]).to eq(["", "ERROR: oversip #{message}\n", 1, []])
    end
  end

  it "does not start anything for a folder without a command, and says what to write" do
    folder
    _, error, status = oversip(@dir)
    expect(error).to eq("ERROR: oversip '#{@dir}' is a folder and no command: did you mean oversip start #{@dir}?\n")
    expect(status.exitstatus).to eq(1)
  end

  it "refuses values that are empty, as those of a variable that is not set" do
    ["--config-dir=", "--config-file=", "--pid=", "--log-file=", "--user=", "--process-name="].each do |option|
      out, error, status = oversip("start", option)
      expect([error, out.lines.first, status.exitstatus])
        .to eq(["ERROR: oversip empty value: #{option}\n", "Usage: oversip start [DIR] [options]\n", 1])
    end
  end

  it "suggests an option for a mistyped one, in one line" do
    out, error, status = oversip("--config-dri", @dir)
    expect(error).to eq("ERROR: oversip invalid option: --config-dri; did you mean --config-dir?\n")
    expect([out.lines.first, status.exitstatus]).to eq(["Usage: oversip [COMMAND] [options]\n", 1])
  end

  it "says how to write a folder that is missing, and shows no place in its own code" do
    [in_folder("missing"), @dir].each do |dir|
      _, error, status = oversip("start", dir)
      expect(without_times(error).lines[1..]).to match(["CRIT: <launcher> error loading Main Configuration file '#{dir}/oversip.conf':\n",
                                                        /\ACRIT: <launcher> No such file .*: `oversip init #{dir}` writes one \(Errno::ENOENT\)\n\z/])
      expect(status.exitstatus).to eq(1)
    end
    write("server.rb", "")
    expect(failure).not_to include("oversip init") # which would not write over it
    write("file", "")
    expect(oversip("start", in_folder("file"))[1]).not_to include("oversip init") # which could not write below it
  end

  it "does not take a folder that it may not enter for one that is missing", if: Etc.getpwuid.uid.zero? do
    folder
    File.chmod(0o755, @dir)
    Dir.mkdir(in_folder("closed"), 0o700)
    library = "Process::UID.change_privilege(Process::UID.from_name('nobody'))"
    write("nobody.rb", library)
    _, error, status = oversip("start", in_folder("closed"), "-r", in_folder("nobody"))
    expect(error).to include("Permission denied")
    expect([error.include?("oversip init"), status.exitstatus]).to eq([false, 1])
  end

  it "shows of an error in server.rb the places in its files alone" do
    write("inner.rb", "def fail_here = raise(KeyError, 'no table')\nfail_here")
    folder(script: "require_relative 'inner'")
    places = failure.lines.drop_while { |line| !line.include?("no table (KeyError)") }.drop(1)
    expect(places).to match([%r{\A#{@dir}/inner.rb:1}, %r{\A#{@dir}/inner.rb:2}, %r{\A#{@dir}/server.rb:1}, %r{\A#{@dir}/server.rb:1}])
    folder(conf: "sip: [")
    expect(failure).not_to match(%r{^/})
  end

  it "names a folder without files" do
    expect(failure).to include("CRIT: <launcher> error loading Main Configuration file '#{@dir}/oversip.conf':\n",
                               "CRIT: <launcher> No such file or directory")
  end

  it "needs proxies.conf and server.rb too" do
    write("oversip.conf", "")
    expect(failure).to include("error loading Proxies Configuration file '#{@dir}/proxies.conf':")
    write("proxies.conf", "default_proxy:\n")
    expect(failure).to include("error loading Server file '#{@dir}/server.rb':")
  end

  it "takes another name of the main file" do
    folder
    expect(failure("--config-file", "other.conf")).to include("#{@dir}/other.conf")
  end

  it "names a wrong value" do
    folder(conf: "sip: {listen_port: 70000}")
    expect(failure).to include("CRIT: <launcher> sip[listen_port] has invalid value '70000' " \
                               "(does not satisfy 'port' validation requirement): 70000 is above the bound: 1 to 65535\n")
  end

  it "reports an error in server.rb before one in a value" do
    folder(conf: "sip: {listen_port: 70000}", script: "def broken(")
    error = failure
    expect(error).to include("error loading Server file")
    expect(error).not_to include("listen_port")
  end

  it "says what to change in a server.rb that was written for an old Ruby" do
    folder(script: "OverSIP::M::Mysql.add_pool({})")
    expect(failure).to match(/uninitialized constant OverSIP::Modules::Mysql.*CRIT: <launcher> oversip-mod-mysql needs EventMachine: docs.migration.md/m)
    folder(script: "raise NameError.new('uninitialized constant Fixnum', :Fixnum)")
    expect(failure).to match(/CRIT: <launcher> uninitialized constant Fixnum.*CRIT: <launcher> Fixnum is gone since Ruby 3.2/m)
  end

  it "names a user that does not exist", if: Etc.getpwuid.uid.zero? do
    folder
    expect(failure("-u", "no-such-user")).to include("user 'no-such-user' does not exist in the system")
  end

  it "loads libraries that are asked for, from folders that are given" do
    write("early.rb", "warn 'early library'")
    folder(conf: "sip: {listen_port: x}")
    expect(failure("-I", @dir, "-r", "early")).to start_with("early library\n")
    write("broken.rb", "raise KeyError, 'no table'")
    { "no_such_library" => "cannot load such file -- no_such_library",
      in_folder("broken") => "cannot load #{in_folder("broken")}: no table (KeyError)" }.each do |library, message|
      _, error, status = oversip("-r", library)
      expect([error, status.exitstatus]).to eq(["ERROR: oversip #{message}\n", 1])
    end
  end

  describe "when it serves", :native do
    let(:script) { <<~RUBY }
      module OverSIP::SystemEvents
        def self.on_initialize = log_info("on_initialize")
        def self.on_started = log_info("on_started on \#{OverSIP.configuration[:sip][:listen_port]}")
        def self.on_user_reload = log_info("on_user_reload")
        def self.on_terminated(error) = log_info("on_terminated \#{error}")
      end
    RUBY

    before { folder(script: script) }

    %w[TERM INT QUIT].each do |signal|
      it "runs its events and ends in order with #{signal}" do
        serving do |server|
          server.signal(signal)
          expect(server.status.exitstatus).to eq(0)
          events = server.output.scan(/\[user\] (.*)/).flatten
          expect(events).to eq(["on_initialize", "on_started on #{port}", "on_terminated false"])
        end
      end
    end

    it "runs on_user_reload with USR1 and goes on" do
      serving do |server|
        server.signal("USR1")
        server.wait_for(/on_user_reload/)
        server.signal("TERM")
        expect(server.status.exitstatus).to eq(0)
      end
    end

    it "names a port that is taken" do
      socket = UDPSocket.new
      socket.bind("127.0.0.1", port)
      expect(failure).to eq("NOTICE: <launcher> OverSIP #{OverSIP::VERSION} starting\n" \
                            "CRIT: <launcher> configuration error: UDP IP '127.0.0.1' and port #{port} already in use\n")
    ensure
      socket&.close
    end

    it "ends with status 1 and without on_terminated after a fatal error" do
      folder(script: "#{script}\nmodule OverSIP::SystemEvents; def self.on_user_reload = OverSIP::Launcher.fatal('over'); end")
      serving do |server|
        server.signal("USR1")
        expect(server.status.exitstatus).to eq(1)
        expect(server.output).to include("CRIT: <launcher> over\n", "exiting with error status")
        expect(server.output).not_to include("on_terminated")
      end
    end

    it "ends as with TERM when a callback calls exit" do
      folder(script: "#{script}\nmodule OverSIP::SystemEvents; def self.on_user_reload = exit(3); end")
      serving do |server|
        server.signal("USR1")
        expect(server.status.exitstatus).to eq(0)
        expect(server.output).to include("on_terminated false")
      end
    end
  end
end
