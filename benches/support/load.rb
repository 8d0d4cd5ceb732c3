# frozen_string_literal: true

require "etc"
require "fileutils"
require "tmpdir"
require_relative "../../spec/support/ports"
require_relative "calls"
require_relative "waiting"

module Bench
  # SIPp as caller and as callee of one relay. Both are new in each run, on the same ports.
  class Load
    SCENARIOS = File.expand_path("../../spec/load/scenarios", __dir__)
    # Seconds that calls may take beyond their sending; then they have failed.
    GRACE = 15
    # Bytes of SIPp's socket buffers, as far as the kernel allows them: what SIPp loses is no fault of the relay.
    BUFFER = 4_194_304

    # @param clock [String, nil] the library that gives SIPp a fine clock
    # @param certificate [CertificateFiles]
    def initialize(folder, transport, clock:, certificate:)
      @folder = Dir.mktmpdir("load", folder)
      @transport = transport
      @clock = clock
      @sipp_port = Ports.free
      @pumps = []
      @callee_port = @sipp_port
      return unless transport.callee_pump

      @callee_port = pump(transport.callee_pump, @sipp_port, certificate.certificate, certificate.key)
    end

    # Where the relay reaches the callee.
    attr_reader :callee_port

    # Says where the relay is, as far as the caller is concerned.
    def relay_port=(port)
      @relay_port = @transport.caller_pump ? pump(@transport.caller_pump, port) : port
    end

    # Drives calls.
    #
    # @return [Calls]
    def run(rate:, calls:)
      run = Dir.mktmpdir("run", @folder)
      callee = spawn_callee(run)
      wait_until_bound
      before = children_cpu
      ended = wait_for(spawn_caller(run, rate, calls), (calls / rate) + GRACE + 5)
      used = children_cpu - before
      # SIPp writes its counts when it is told to end.
      Waiting.end_of(callee)
      callee = nil
      result(run, calls, used, ended)
    ensure
      Waiting.end_of(callee) if callee
      FileUtils.rm_rf(run)
    end

    def close
      @pumps.each { |pid| Waiting.end_of(pid) }
      FileUtils.rm_rf(@folder)
    end

    private

    def spawn_callee(run)
      text = scenario("answer_call")
      text = text.gsub("[local_port];transport=[transport]", "#{@callee_port};transport=tls") if @transport.callee_pump
      sipp(run, "callee", text, @transport.callee, "-p", @sipp_port)
    end

    def wait_until_bound
      Waiting.until("SIPp does not listen on port #{@sipp_port}", limit: 10) do
        Waiting.bound?(@transport.callee == "u1" ? :udp : :tcp, @sipp_port)
      end
    end

    def spawn_caller(run, rate, calls)
      text = scenario("call")
      if (word = @transport.word)
        text = text.gsub("SIP/2.0/[transport]", "SIP/2.0/#{word}").gsub("=[transport]", "=#{word.downcase}")
      end
      sipp(run, "caller", text, @transport.caller, "127.0.0.1:#{@relay_port}", "-p", Ports.free, "-r", rate, "-m", calls,
           "-l", [rate * 10, 200].max, "-timeout", (calls / rate) + GRACE, "-trace_rtt", "-rtt_freq", 1)
    end

    def scenario(name)
      File.read("#{SCENARIOS}/#{name}.xml")
    end

    # A folder of its own for each side, since SIPp chooses some of its files' names.
    def sipp(run, side, text, transport, *arguments)
      folder = File.join(run, side)
      Dir.mkdir(folder)
      File.write("#{folder}/scenario.xml", text)
      usual = ["-sf", "scenario.xml", "-i", "127.0.0.1", "-t", transport, "-cp", Ports.free, "-buff_size", BUFFER,
               "-nostdin", "-watchdog_interval", 0, "-trace_stat", "-stf", "statistics", "-trace_counts", "-fd", 3600]
      Process.spawn({ "LD_PRELOAD" => @clock }, "sipp", *usual.map(&:to_s), *arguments.map(&:to_s),
                    chdir: folder, in: File::NULL, out: File::NULL, err: File::NULL)
    end

    # @return [Boolean] whether it ended by itself
    def wait_for(pid, limit)
      waiter = Process.detach(pid)
      !waiter.join(limit).nil?
    ensure
      Waiting.end_of(pid, waiter: waiter) if waiter.alive?
    end

    def children_cpu
      times = Process.times
      times.cutime + times.cstime
    end

    def result(run, calls, used, ended)
      counts = Dir.glob("#{run}/*/*_counts.csv").map { |path| last_line(path) }
      times = Dir.glob("#{run}/caller/*_rtt.csv").flat_map { |path| File.readlines(path).drop(1) }
      Calls.new(asked: calls, caller: last_line("#{run}/caller/statistics"), counts: counts, ended: ended, generator: used,
                times: times.map { |line| line.split(";")[1].to_f })
    end

    def last_line(path)
      return {} unless File.exist?(path)

      lines = File.readlines(path, chomp: true)
      lines.first.split(";").zip(lines.last.split(";")).to_h
    end

    # @return [Integer] where the pump listens
    def pump(*arguments)
      reader, writer = IO.pipe
      @pumps << Process.spawn(RbConfig.ruby, File.join(__dir__, "pump.rb"), *arguments.map(&:to_s),
                              in: File::NULL, out: writer, err: File.join(@folder, "pumps.log"))
      writer.close
      Integer(reader.gets || raise(Failure, "pump.rb ended: #{File.read(File.join(@folder, "pumps.log"))}"))
    ensure
      reader.close
    end
  end
end
