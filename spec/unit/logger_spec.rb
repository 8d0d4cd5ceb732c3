# frozen_string_literal: true

require "open3"

RSpec.describe OverSIP::Logger do
  let(:speaker) { Class.new { include OverSIP::Logger }.tap { |c| stub_const("Some::Speaker", c) }.new }

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

  it "sets $oversip_debug exactly while the threshold is debug" do
    seen = nil
    capture_log(level: :debug) { seen = $oversip_debug } # rubocop:disable Style/GlobalVars -- the name is the contract's
    expect(seen).to be(true)
    capture_log(level: :info) { seen = $oversip_debug } # rubocop:disable Style/GlobalVars -- the name is the contract's
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
    end

    it "are message, class and four lines of backtrace of an exception" do
      error = ArgumentError.new("bad")
      error.set_backtrace(%w[l1 l2 l3 l4 l5])
      expect(bodies { speaker.log_error(error) }).to eq(["bad (ArgumentError)\nl1\nl2\nl3\nl4"])
    end

    it "S-B18: escape control characters, so that no peer can forge a record" do
      expect(bodies { speaker.log_info("a\r\nCRIT: <x>\e[2J\0\tb\u0085") })
        .to eq(["a\\r\\nCRIT: <x>\\x1B[2J\\tb\\x85"])
    end

    it "S-B18: indent further lines of an exception's message" do
      expect(bodies { speaker.log_error(RuntimeError.new("a\nCRIT: b")) }).to eq(["a\n    CRIT: b (RuntimeError)"])
    end

    it "S-B19: never raise, whatever the bytes or the object" do
      broken = Object.new
      def broken.inspect = raise("no")
      expect(bodies do
        speaker.log_info("caf\xE9")
        speaker.log_info("caf\xE9".b)
        speaker.log_info("ü".encode("UTF-16LE"))
        speaker.log_info(broken)
      end).to eq(["caf\\xE9", "caf\\xE9", "ü", "(a Object that cannot be shown: RuntimeError)"])
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

    it "does not when it is told not to, by option or by NO_COLOR" do
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
    it "aligns the severity, marks records of scripts and never reads % as a directive" do
      require "oversip/logger/syslog_target"
      written = []
      allow(Syslog).to receive(:open)
      allow(Syslog).to receive(:log) { |*arguments| written << arguments }
      target = OverSIP::Logger::SyslogTarget.new("oversip", "local3")
      target.write(:info, "Foo", "100 %n", system: false)
      target.write(:emerg, "Bar", "sys", system: true)

      expect(Syslog).to have_received(:open).with("oversip", Syslog::LOG_PID | Syslog::LOG_NDELAY, Syslog::LOG_LOCAL3)
      expect(written).to eq([[Syslog::LOG_INFO, "%s", "  INFO: <Foo> [user] 100 %n"],
                             [Syslog::LOG_EMERG, "%s", " EMERG: <Bar> sys"]])
    end

    it "falls back to stderr and says why when Ruby has no syslog" do
      allow(described_class).to receive(:require).and_raise(LoadError, "cannot load such file -- syslog")
      previous = described_class.target
      expect { expect(described_class.use_syslog).to be(false) }
        .to output(/syslog is not available \(cannot load such file -- syslog\): logging to stderr/).to_stderr
    ensure
      described_class.target = previous
    end
  end
end
