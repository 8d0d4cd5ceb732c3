# frozen_string_literal: true

require_relative "certificate_files"
require_relative "load"
require_relative "relay"
require_relative "transport"

module Bench
  # A folder with all that relays and SIPp need, for one transport.
  class Stage
    CLOCK = File.expand_path("sipp_clock.c", __dir__)

    # @yield [Stage]
    def self.open(transport)
      Dir.mktmpdir("oversip-bench") { |folder| yield new(folder, transport) }
    end

    def initialize(folder, transport)
      @folder = folder
      @transport = transport
      @certificate = CertificateFiles.new(folder)
      @clock = File.join(folder, "clock.so")
      @clock = nil unless system("cc", "-O2", "-shared", "-fPIC", "-o", @clock, CLOCK, out: File::NULL, err: File::NULL)
    end

    attr_reader :transport

    # Whether response times are exact; else SIPp counts them in steps of 4 ms.
    def fine_clock?
      !@clock.nil?
    end

    # Starts a contestant and sends it calls that do not count.
    #
    # @yield [Relay, Load]
    def with(contestant, warm_up:)
      load = Load.new(@folder, @transport, clock: @clock, certificate: @certificate)
      place = Relay::Place.new(folder: @folder, transport: @transport, callee_port: load.callee_port,
                               certificate: @certificate)
      contestant.start.call(place) do |relay|
        load.relay_port = relay.public_send(@transport.listener)
        first = load.run(rate: [warm_up, 500].min, calls: warm_up)
        first.successful.positive? or raise Failure, "#{contestant.title} relays no call:\n#{relay.log.lines.last(10).join}"
        yield relay, load
      end
    ensure
      load&.close
    end
  end
end
