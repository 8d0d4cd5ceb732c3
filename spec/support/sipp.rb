# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "certificates"
require_relative "ports"
require_relative "tls_pump"

# SIPp, a SIP peer that others have written, as caller and as callee.
module Sipp
  SCENARIOS = File.expand_path("../load/scenarios", __dir__)

  TRANSPORTS = { udp: "u1", tcp: "t1" }.freeze

  # What SIPp counts as something that should not have happened.
  FAULTS = %w[FailedCall(C) FailedUnexpectedMessage(C) FailedMaxUDPRetrans(C) FailedRegexpDoesntMatch(C) FailedCallRejected(C)
              FailedCmdNotSent(C) FailedOutboundCongestion(C) FailedTimeoutOnRecv(C) FailedTimeoutOnSend(C) OutOfCallMsgs(C)
              DeadCallMsgs(C) FatalErrors(C) Warnings(C)].freeze

  # What stands for @words@ of scenarios where nothing else is said.
  WORDS = { ringing: "", repeated_acks: "" }.freeze

  # Where the machine may be so busy that datagrams to a caller are lost, or wait for it: nobody repeats a 180, and each repeated
  # 2xx is acknowledged.
  BUSY = { ringing: 'optional="true"',
           repeated_acks: '<label id="1"/><recv request="ACK" optional="true" next="1"/>' }.freeze

  # Those that a repeated answer to a repeated request counts as.
  LATE_ANSWERS = %w[DeadCallMsgs(C) Warnings(C)].freeze

  # One run: a scenario, a number of calls, and a deadline after which it has failed.
  class Run
    # @return [Integer] where it is reached
    attr_reader :port

    # @param scenario [String] the name of a file in scenarios/ without its ending
    # @param to [Integer, nil] the port of 127.0.0.1 that a caller calls; nil for a callee
    # @param rate [Integer] calls a second
    # @param limit [Integer] seconds
    # @param words [Hash{Symbol => String}] what stands for @words@ of the scenario (SIPp's own keywords cannot be a method)
    # @param ip [String] SIPp's own address
    # @param tls_port [Integer, nil] where it is reached by TLS, if something does that for it
    # @param call_id [String, nil] the Call-ID that the scenario writes, if it does not leave it to SIPp
    def initialize(scenario, calls:, transport: :udp, to: nil, rate: 50, limit: 60, words: {}, ip: "127.0.0.1", port: Ports.free,
                   tls_port: nil, call_id: nil)
      @port = tls_port || port
      @tls_port = tls_port
      @limit = limit
      @folder = Dir.mktmpdir("sipp")
      options = { "-sf" => filled(scenario, words), "-i" => ip, "-p" => port, "-m" => calls,
                  "-t" => TRANSPORTS.fetch(transport), "-stf" => file("statistics"), "-fd" => 1, "-error_file" => file("errors"),
                  "-timeout" => limit, "-cp" => Ports.free,
                  # SIPp warns where the machine is busy: that is nothing between the two sides.
                  "-watchdog_interval" => 0 }
      options.merge!("-r" => rate, "-l" => calls) if to
      options["-cid_str"] = call_id.gsub("%", "%%") if call_id
      given = options.to_a.flatten
      given.unshift("127.0.0.1:#{to}") if to
      @pid = Process.spawn("sipp", *given.map(&:to_s), "-nostdin", "-trace_stat", "-trace_err", "-timeout_error",
                           in: File::NULL, out: file("screen"), err: %i[child out])
      @waiter = Process.detach(@pid)
    end

    # Waits for the end.
    #
    # @param busy [Boolean] the machine may be so busy that each side repeats messages: those of calls that are over are no fault
    # @return [Hash{String => Integer}] the counts that are not zero and should be, plus "status"; empty when all was well
    def faults(busy: false)
      status = @waiter.join(@limit + 5)&.value
      found = statistics.slice(*FAULTS).reject { |name, count| count.zero? || excused?(name, count, busy) }
      status&.success? ? found : found.merge("status" => status&.exitstatus || -1)
    end

    # @return [Integer] calls that went as the scenario says
    def successful
      statistics.fetch("SuccessfulCall(C)", 0)
    end

    # @return [Hash{String => Integer}] the last line of the statistics file
    def statistics
      return {} unless File.exist?(file("statistics"))

      lines = File.readlines(file("statistics"), chomp: true)
      lines.first.split(";").zip(lines.last.split(";")).to_h.transform_values(&:to_i)
    end

    # @return [String] what SIPp has to say about a failure
    def explanation
      [file("errors"), file("screen")].select { |path| File.exist?(path) }.map { |path| File.read(path)[-4000..] || File.read(path) }
                                      .join("\n")
    end

    def close
      Process.kill("KILL", @pid) if @waiter.alive?
      @waiter.join
      FileUtils.rm_rf(@folder)
    rescue Errno::ESRCH
      FileUtils.rm_rf(@folder)
    end

    private

    # On a busy machine SIPp sends a request again before it has read the answer, and gets one answer for each: those that come
    # when the call is over are no fault of anybody's.
    def excused?(name, count, busy)
      LATE_ANSWERS.include?(name) && (busy || count <= statistics.fetch("Retransmissions(C)", 0))
    end

    def filled(scenario, words)
      text = File.read(File.join(SCENARIOS, "#{scenario}.xml"))
      text = text.gsub("[local_port];transport=[transport]", "#{@tls_port};transport=tls") if @tls_port
      File.write(file("#{scenario}.xml"), text.gsub(/@\w+@/) { |word| WORDS.merge(words).fetch(word.delete("@").to_sym) })
      file("#{scenario}.xml")
    end

    def file(name)
      File.join(@folder, name)
    end
  end

  # @param transport [Symbol] :tls is TCP behind a {TlsPump}
  # @param certificate [Certificates::Issued] for TLS
  # @return [Run] a callee that listens when this returns
  def sipp_callee(scenario, transport: :udp, certificate: Certificates.for_name, **options)
    port = Ports.free
    if transport == :tls
      transport = :tcp
      options[:tls_port] = pumped(TlsPump.from_tls(port, certificate))
    end
    sipp(scenario, transport: transport, port: port, **options).tap { wait_until_bound(port, transport) }
  end

  # @param transport [Symbol] :tls is TCP behind a {TlsPump}
  # @return [Run] a caller, already calling
  def sipp_caller(scenario, to:, transport: :udp, **options)
    return sipp(scenario, to: pumped(TlsPump.to_tls(to)), transport: :tcp, **options) if transport == :tls

    sipp(scenario, to: to, transport: transport, **options)
  end

  def close_sipp
    [@sipp_runs, @pumps].compact.flatten.each(&:close)
  end

  private

  # @return [Integer] where the pump is reached
  def pumped(pump)
    (@pumps ||= []) << pump
    pump.port
  end

  def sipp(scenario, **options)
    Run.new(scenario, **options).tap { |run| (@sipp_runs ||= []) << run }
  end

  # What the kernel says: a bind of our own, to see whether it fails, could take the port from SIPp.
  def wait_until_bound(port, transport)
    local = format("0100007F:%04X", port)
    eventually(message: "SIPp does not listen on #{transport} port #{port}") do
      File.foreach("/proc/net/#{transport}").any? { |line| line.split[1] == local }
    end
  end
end
