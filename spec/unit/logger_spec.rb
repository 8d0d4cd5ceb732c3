# frozen_string_literal: true

require "logger"
require "tmpdir"
require_relative "../support/syslog_daemon"

RSpec.describe OverSIP::Logger do
  let(:speaker) { Class.new { include OverSIP::Logger }.tap { |c| stub_const("Some::Speaker", c) }.new }

  shared_context "with all severities" do
    around do |example|
      previous = described_class.level
      described_class.level = :debug
      example.run
    ensure
      described_class.level = previous
    end
  end

  def bodies(&)
    capture_log(&).map(&:body)
  end

  it "has a method for scripts and one for the library at each of the eight severities" do
    records = capture_log do
      %w[debug info notice warn error crit alert emerg].each do |name|
        speaker.public_send("log_#{name}", "user")
        speaker.public_send("log_system_#{name}", "system")
      end
    end
    expect(records.map { |record| [record.severity, record.system] })
      .to eq(%i[debug info notice warn error crit alert emerg].flat_map { |name| [[name, false], [name, true]] })
  end

  it "returns false and writes nothing below the threshold" do
    results = nil
    records = capture_log(level: :warn) { results = [speaker.log_notice("a"), speaker.log_warn("b")] }
    expect(results.first).to be(false)
    expect(results.last).not_to be(false)
    expect(records.map(&:body)).to eq(["b"])
  end

  it "does not allow alert and emerg as threshold" do
    expect { described_class.level = "alert" }.to raise_error(OverSIP::ConfigurationError, /alert/)
  end

  it "names the valid thresholds, and a similar one" do
    expect { described_class.level = "trace" }
      .to raise_error(OverSIP::ConfigurationError, /\Aunknown log level "trace": one of debug, info, notice, warn, error, crit\z/)
    expect { described_class.level = :Debug }.to raise_error(OverSIP::ConfigurationError, /crit: did you mean 'debug'\?\z/)
  end

  it "sets $oversip_debug exactly while the threshold is debug" do
    seen = nil
    capture_log(level: :debug) { seen = $oversip_debug } # rubocop:disable Style/GlobalVars -- the name is that of OverSIP 2
    expect(seen).to be(true)
    capture_log(level: :info) { seen = $oversip_debug } # rubocop:disable Style/GlobalVars -- the name is that of OverSIP 2
    expect(seen).to be(false)
  end

  describe "log_id" do
    it "is the last part of a module's name and the full class name of an object" do
      stub_const("Some::Helper", Module.new { extend OverSIP::Logger })
      expect(Some::Helper.log_id).to eq("Helper")
      expect(speaker.log_id).to eq("Some::Speaker")
    end

    it "is @log_id if that is set, and may be redefined" do
      speaker.instance_variable_set(:@log_id, "mine")
      expect(capture_log { speaker.log_info("x") }.first.log_id).to eq("mine")
      def speaker.log_id = "redefined"
      expect(capture_log { speaker.log_info("x") }.first.log_id).to eq("redefined")
    end

    it "works on a frozen object" do
      expect(speaker.freeze.log_id).to eq("Some::Speaker")
    end
  end

  describe "bodies" do
    it "are Strings as they are and anything else by inspect" do
      expect(bodies { speaker.log_info("50 %s") }).to eq(["50 %s"])
      expect(bodies { speaker.log_info({ a: [nil] }) }).to eq([{ a: [nil] }.inspect])
      expect(bodies { [speaker.log_info(kind: 1), speaker.log_system_info(a: 1)] }).to eq([{ kind: 1 }.inspect, { a: 1 }.inspect])
    end

    it "are message, class and four lines of backtrace of an exception" do
      error = ArgumentError.new("bad")
      error.set_backtrace(%w[l1 l2 l3 l4 l5])
      expect(bodies { speaker.log_error(error) }).to eq(["bad (ArgumentError)\nl1\nl2\nl3\nl4"])
    end

    it "escape control characters, so that no peer can forge a record" do
      expect(bodies { speaker.log_info("a\r\nCRIT: <x>\e[2J\0\tb\u0085") })
        .to eq(["a\\r\\nCRIT: <x>\\x1B[2J\\tb\\x85"])
    end

    it "escape what turns the direction of writing and what separates lines, so that text reads as it is" do
      expect(bodies { speaker.log_info("sip:\u202egnp.exe\u2066 \u200f\u2028x שלום") }).to eq(["sip:\\u{202E}gnp.exe\\u{2066} \\u{200F}\\u{2028}x שלום"])
    end

    it "indent further lines of an exception's message" do
      expect(bodies { speaker.log_error(RuntimeError.new("a\nCRIT: b")) }).to eq(["a\n    CRIT: b (RuntimeError)"])
    end

    it "never raise, whatever the bytes or the object" do
      broken = Object.new
      def broken.inspect = raise("no")
      expect(bodies do
        speaker.log_info("caf\xE9")
        speaker.log_info("caf\xE9".b)
        speaker.log_info("ü".encode("UTF-16LE"))
        speaker.log_info(broken)
      end).to eq(["caf\\xE9", "caf\\xE9", "ü", "(a Object that cannot be shown: RuntimeError)"])
    end

    it "keep the letters of a text whose encoding is named" do
      expect(bodies do
        speaker.log_info("caf\xE9".dup.force_encoding("ISO-8859-1"))
        speaker.log_info("\x93".dup.force_encoding("Windows-1252"))
        speaker.log_info("\xFF\x41".dup.force_encoding("Shift_JIS"))
        speaker.log_error(RuntimeError.new("caf\xE9".dup.force_encoding("ISO-8859-1")))
        speaker.log_info("caf\xC3\xA9".dup.force_encoding("US-ASCII"))
        # Ruby cannot convert this one.
        speaker.log_info("caf\xE9".dup.force_encoding("Emacs-Mule"))
      end).to match(["café", "\u201C", /\A\uFFFD+A?\z/, "café (RuntimeError)", "café", "caf\\xE9"])
    end

    it "are cut at a length, between characters, and the cut says how long the whole is" do
      limit = OverSIP::Logger::Formatting::MAX_BYTES
      whole = "x" * limit
      expect(bodies { speaker.log_info(whole) }).to eq([whole])
      expect(bodies { speaker.log_info("#{whole}y") }).to eq(["#{whole}... (cut here, #{limit + 1} bytes in all)"])
      expect(bodies { speaker.log_info("x#{"ü" * limit}") })
        .to eq(["x#{"ü" * ((limit / 2) - 1)}... (cut here, #{(2 * limit) + 1} bytes in all)"])
      # Longer by what stands for its control characters.
      expect(bodies { speaker.log_info("\n" * limit) }).to eq(["#{"\\n" * (limit / 2)}... (cut here, #{2 * limit} bytes in all)"])
      long = RuntimeError.new("z" * 100_000).tap { |error| error.set_backtrace(%w[l1]) }
      expect(bodies { speaker.log_info(long) })
        .to eq(["#{"z" * limit}... (cut here, 100000 bytes in all) (RuntimeError)\nl1"])
      expect(bodies { speaker.log_info(["a" * 100_000]) }.first.bytesize).to be_between(limit, limit + 100)
    end

    it "are lost rather than raising when the target fails" do
      failing = Object.new
      def failing.write(*, **) = raise(IOError)
      previous = described_class.target
      described_class.target = failing
      expect(speaker.log_crit("x")).to be_nil
    ensure
      described_class.target = previous
    end
  end

  describe "on stderr" do
    let(:io) { StringIO.new }

    it "shows the severity, the id, and a mark on records of scripts" do
      target = OverSIP::Logger::StderrTarget.new(io)
      target.write(:info, "Foo", "instance", system: false)
      target.write(:warn, "Bar", "sys", system: true)
      expect(io.string).to eq("INFO: <Foo> [user] instance\nWARN: <Bar> sys\n")
    end
  end

  describe "on a terminal" do
    let(:terminal) { StringIO.new.tap { |io| io.define_singleton_method(:tty?) { true } } }

    around do |example|
      previous = ENV.delete("NO_COLOR")
      example.run
    ensure
      ENV["NO_COLOR"] = previous
    end

    def shown(**options)
      OverSIP::Logger::StderrTarget.new(terminal, **options).write(:error, "Foo", "body", system: true)
      terminal.string
    end

    it "colours the level of what is worse than a notice" do
      expect(shown).to eq("\e[31mERROR:\e[0m <Foo> body\n")
      terminal.truncate(terminal.rewind)
      OverSIP::Logger::StderrTarget.new(terminal).write(:info, "Foo", "body", system: true)
      expect(terminal.string).to eq("INFO: <Foo> body\n")
    end

    it "does not colour with --no-color or NO_COLOR" do
      expect(shown(color: false)).to eq("ERROR: <Foo> body\n")
      ENV["NO_COLOR"] = "1"
      terminal.truncate(terminal.rewind)
      expect(shown).to eq("ERROR: <Foo> body\n")
    end

    it "gets the system records of a daemon that starts, everything goes to the log" do
      log = StringIO.new
      require "oversip/logger/terminal_target"
      target = OverSIP::Logger::TerminalTarget.new(OverSIP::Logger::StderrTarget.new(log))
      write = lambda do
        %i[notice warn].each { |severity| target.write(severity, "Foo", "sys", system: true) }
        target.write(:crit, "Foo", "of the script", system: false)
      end
      expect { expect(&write).to output("WARN: <Foo> sys\n").to_stderr }.to output("NOTICE: <Foo> sys\n").to_stdout
      expect(log.string).to eq("NOTICE: <Foo> sys\nWARN: <Foo> sys\nCRIT: <Foo> [user] of the script\n")
    end
  end

  describe "on syslog" do
    include_context "with all severities"

    around do |example|
      previous = [described_class.target, described_class.syslog_socket]
      Dir.mktmpdir do |folder|
        described_class.syslog_socket = File.join(folder, "log")
        example.run
      ensure
        @daemon&.close
      end
    ensure
      described_class.target, described_class.syslog_socket = previous
    end

    def syslog_daemon(**options)
      @daemon = SyslogDaemon.new(described_class.syslog_socket, **options)
    end

    # The priority is facility * 8 + severity.
    def line(priority, text)
      /\A<#{priority}>[A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d oversip\[#{Process.pid}\]: #{Regexp.escape(text)}\z/
    end

    { DGRAM: "datagrams", STREAM: "a stream" }.each do |type, name|
      it "sends #{name} as the C library does: severity aligned, records of scripts marked, % no directive" do
        daemon = syslog_daemon(type: type)
        expect(described_class.use_syslog(facility: "local3")).to be(true)
        speaker.log_info("100 %n")
        speaker.log_system_emerg("sys")
        expect(daemon.receive).to match(line((19 * 8) + 6, "  INFO: <Some::Speaker> [user] 100 %n"))
        expect(daemon.receive).to match(line((19 * 8) + 0, " EMERG: <Some::Speaker> sys"))
      end
    end

    it "has a number for each severity and facility" do
      daemon = syslog_daemon
      described_class.use_syslog(facility: "user", ident: "edge")
      %i[info notice warn error crit alert emerg].each { |severity| speaker.public_send("log_#{severity}", "x") }
      expect(Array.new(7) { daemon.receive[/\A<(\d+)>/, 1].to_i - 8 }).to eq([6, 5, 4, 3, 2, 1, 0])
      { "kern" => 0, "user" => 1, "daemon" => 3, "local0" => 16, "local7" => 23 }.each do |facility, number|
        described_class.use_syslog(facility: facility, ident: "edge")
        speaker.log_alert("x")
        expect(daemon.receive).to match(/\A<#{(number * 8) + 1}>.* edge\[/)
      end
    end

    it "takes the facilities of syslog(3) in any case, as Strings or Symbols; of others it names those that there are" do
      daemon = syslog_daemon
      { "mail" => 2, "LOCAL0" => 16, :local1 => 17, "authpriv" => 10 }.each do |facility, number|
        expect(described_class.use_syslog(facility: facility, ident: "edge")).to be(true)
        speaker.log_alert("x")
        expect(daemon.receive).to match(/\A<#{(number * 8) + 1}>.* edge\[/)
      end
      previous = described_class.target
      expect { described_class.use_syslog(facility: "demon") }
        .to raise_error(ArgumentError, /\Aunknown syslog facility "demon": one of kern, .*local7: did you mean 'daemon'\?\z/)
      expect(described_class.target).to equal(previous)
    end

    it "falls back to stderr where the path of the socket is longer than a socket's can be" do
      described_class.syslog_socket = "/tmp/#{"x" * 200}"
      expect { expect(described_class.use_syslog).to be(false) }
        .to output(/syslog is not available \(File name too long.*\): logging to stderr/).to_stderr
    end

    it "keeps an exception in one record" do
      daemon = syslog_daemon
      described_class.use_syslog
      speaker.log_error(RuntimeError.new("a\nb"))
      expect(daemon.receive).to end_with("[user] a\n    b (RuntimeError)")
    end

    %i[DGRAM STREAM].each do |type|
      it "goes on when syslogd (#{type}) restarts, and loses no record" do
        daemon = syslog_daemon(type: type)
        described_class.use_syslog
        speaker.log_info("before")
        expect(daemon.receive).to end_with("before")
        daemon.close
        lost = described_class.stats[:dropped][:log_records]
        speaker.log_info("while it is away")
        speaker.log_info("while it is away, again")
        daemon.listen
        speaker.log_info("after")
        texts = Array.new(3) { daemon.receive[/\[user\] (.*)/, 1] }
        expect(texts).to eq(["while it is away", "while it is away, again", "after"])
        expect(described_class.stats[:dropped][:log_records]).to eq(lost)
      end
    end

    it "blocks no caller when the socket is full" do
      daemon = syslog_daemon
      described_class.use_syslog
      # Many more than the kernel queues for a reader.
      2_000.times { |number| speaker.log_info("record #{"x" * (number % 90)}") }
      expect(described_class.stats[:queued][:log_records]).to be_positive
      2_000.times { |number| expect(daemon.receive).to end_with("record #{"x" * (number % 90)}") }
    end

    it "falls back to stderr, with a reason, when the socket is missing" do
      expect { expect(described_class.use_syslog).to be(false) }
        .to output(/syslog is not available \(No such file or directory.*\): logging to stderr/).to_stderr
    end
  end

  describe "target=" do
    include_context "with all severities"

    around do |example|
      previous = described_class.target
      example.run
    ensure
      described_class.target = previous
    end

    let(:io) { StringIO.new }

    it "takes Ruby's Logger: every severity arrives, and its level holds too" do
      logger = Logger.new(io, level: Logger::INFO, formatter: ->(severity, _, _, text) { "#{severity} #{text}\n" })
      OverSIP.logger = logger
      expect([described_class.target, OverSIP.logger]).to all(equal(logger))
      OverSIP::Logger::SEVERITIES.each_key { |severity| speaker.public_send("log_#{severity}", severity.to_s) }
      speaker.log_system_info("of the library")
      expect(described_class.flush).to be(true)
      expect(io.string.lines(chomp: true))
        .to eq(["INFO <Some::Speaker> [user] info", "INFO <Some::Speaker> [user] notice", "WARN <Some::Speaker> [user] warn",
                "ERROR <Some::Speaker> [user] error", "FATAL <Some::Speaker> [user] crit", "FATAL <Some::Speaker> [user] alert",
                "FATAL <Some::Speaker> [user] emerg", "INFO <Some::Speaker> of the library"])
    end

    it "accepts objects with debug, info, warn and error" do
      logger = Struct.new(:said) do
        %i[debug info warn error].each { |name| define_method(name) { |text| said << [name, text] } }
      end.new([])
      described_class.target = logger
      %i[notice warn crit].each { |severity| speaker.public_send("log_#{severity}", "x") }
      described_class.flush
      expect(logger.said.map(&:first)).to eq(%i[info warn error])
    end

    it "writes earlier records to the former target" do
      records = capture_log do
        speaker.log_info("before")
        described_class.target = Logger.new(io)
        speaker.log_info("after")
      end
      expect([records.map(&:body), io.string]).to match([["before"], /\A.*after\n\z/])
    end

    it "refuses other objects and names the valid ones" do
      previous = described_class.target
      [nil, Object.new, "log/sip.log", Class.new { def write(text); end }.new].each do |object|
        expect { described_class.target = object }.to raise_error(ArgumentError, /cannot take log records/)
        expect { OverSIP.logger = object }.to raise_error(ArgumentError, /cannot take log records/)
      end
      expect { described_class.target = nil }.to raise_error(ArgumentError, /like Ruby's Logger.*write\(severity, log_id, body, system:\)/)
      expect { described_class.target = $stdout }.to raise_error(ArgumentError, /Logger\.new\(io\)/)
      expect(described_class.target).to equal(previous)
    end
  end
end
