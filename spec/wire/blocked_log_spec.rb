# frozen_string_literal: true

require_relative "../support/child_script"
require_relative "../support/server_folder"

# Stderr is a pipe without a reader: the server goes on and ends, and surplus records are lost and counted.
RSpec.describe "A blocked log", :native do
  include ChildScript
  include ServerFolder

  let(:alice) { udp_peer }

  # Each OPTIONS logs more than the pipe and the queue hold together, and its answer has the number of lost records.
  let(:script) { <<~RUBY }
    def (OverSIP::SipEvents).on_request(request)
      15_000.times { |number| log_info "\#{number} \#{"x" * (number % 500)}" } if request.sip_method == :OPTIONS
      dropped, queued = OverSIP.stats.values_at(:dropped, :queued).map { |counts| counts[:log_records] }
      request.reply 200, "Lost \#{dropped} queued \#{queued}"
    end
  RUBY

  # @yieldparam reader [IO] the other end of stderr
  # @yieldparam pid [Integer]
  def serving_blocked
    reader, writer = IO.pipe
    pid = Process.spawn(*command("--config-dir", @dir, "--no-color"), in: File::NULL, out: File::NULL, err: writer)
    @waiter = Process.detach(pid)
    writer.close
    said = +""
    said << reader.readpartial(65_536) until said.include?("running, process")
    yield reader, pid
  ensure
    Process.kill("KILL", pid) if @waiter.alive?
    @waiter.join
    reader.close
  end

  def answer(method)
    alice.send_text(alice.build(method, "sip:bob@b.example"), port)
    alice.receive_final.first_line[/Lost (\d+) queued (\d+)/] or raise "no answer of the script"
    [Regexp.last_match(1).to_i, Regexp.last_match(2).to_i]
  end

  it "stops no block; later it reports the gap, and TERM ends the server" do
    folder(script: script, core: "max_like_records: 0")
    serving_blocked do |reader, pid|
      lost, queued = answer(:OPTIONS)
      expect([lost, queued]).to match([be > 1_000, be_between(5_000, 10_000)])
      expect(answer(:MESSAGE).first).to eq(lost)
      # Read now.
      said = +""
      said << reader.readpartial(65_536) until said.include?("records were lost")
      numbers = said.scan(/\[user\] (\d+) /).flatten.map(&:to_i)
      expect(numbers).to eq((0...numbers.size).to_a)
      expect(said[/(\d+) records were lost/, 1].to_i).to eq(lost)
      expect(numbers.size + lost).to eq(15_000)
      eventually { answer(:MESSAGE).last.zero? }
      # Not read again.
      answer(:OPTIONS)
      Process.kill("TERM", pid)
      expect(@waiter.join(Command::Running::LIMIT)&.value&.exitstatus).to eq(0)
    end
  end

  it "does not keep a program from its end, nor from its exit status" do
    reader, writer = IO.pipe
    program = <<~RUBY
      require "oversip"
      OverSIP.start(configuration: { sip: { listen_port: 0, enable_ipv6: false }, core: { max_like_records: 0 } })
      20_000.times { |number| OverSIP::SystemEvents.log_info number.to_s * 20 }
      exit 3
    RUBY
    child = Process.spawn(RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"), "-e", program, err: writer)
    waiter = Process.detach(child)
    expect(waiter.join(Command::Running::LIMIT)&.value&.exitstatus).to eq(3)
  ensure
    Process.kill("KILL", child) if waiter&.alive?
    [reader, writer].each(&:close)
  end

  { "by its end" => ["", 0], "by exit" => ["exit 4", 4], "by abort" => ["abort 'why'", 1],
    "by an exception" => ["raise KeyError, 'why'", 1] }.each do |way, (ending, expected)|
    it "has the last records of a program when it ends #{way}" do
      output, status = run_script(<<~RUBY)
        # Like records are counted by the second; all of them fall into this one.
        now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        Process.define_singleton_method(:clock_gettime) { |*| now }
        at_exit { OverSIP::SystemEvents.log_info "in at_exit" }
        300.times { |number| OverSIP::SystemEvents.log_info "number \#{number}" }
        OverSIP::SystemEvents.log_warn "the last word"
        #{ending}
      RUBY
      lines = output.lines.grep(/<SystemEvents>/).map { |line| line[/\[user\] (.*)/, 1] }
      expect(lines).to eq([*Array.new(100) { |number| "number #{number}" }, "the last word", "in at_exit",
                           "and 200 more like it: number 299"])
      expect(status.exitstatus).to eq(expected)
    end
  end

  it "survives a script that kills all other threads" do
    output, status = run_script(<<~RUBY)
      start_oversip
      20.times do |number|
        OverSIP::SystemEvents.log_error "before \#{number}"
        (Thread.list - [Thread.current]).each(&:kill)
        OverSIP::SystemEvents.log_error "after \#{number}"
      end
    RUBY
    said = output.scan(/\[user\] (before|after) (\d+)/)
    expect(said).to eq(Array.new(20) { |number| [["before", number.to_s], ["after", number.to_s]] }.flatten(1))
    expect(status).to be_success
  end

  it "begins records with their time, but for those that go to the journal of systemd" do
    program = "require 'oversip'\nOverSIP::SystemEvents.log_info 'x'"
    said = lambda do |journal|
      reader, writer = IO.pipe
      named = { own: writer.stat, other: $stderr.stat }.transform_values { |stat| "#{stat.dev}:#{stat.ino}" }[journal]
      child = Process.spawn({ "JOURNAL_STREAM" => named }, RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"), "-e", program, err: writer)
      writer.close
      Process.wait(child)
      reader.read
    end
    timed = /\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d INFO: <SystemEvents> \[user\] x\n\z/
    expect([said[nil], said[:other], said[:own]]).to match([timed, timed, "INFO: <SystemEvents> [user] x\n"])
  end
end
