# frozen_string_literal: true

require_relative "relay"

module Bench
  # Kamailio with benches/kamailio.
  class KamailioRelay < Relay
    CONFIGURATION = File.expand_path("../kamailio", __dir__)
    PROGRAM = [*ENV.fetch("PATH").split(":"), "/usr/sbin"].map { |dir| File.join(dir, "kamailio") }
                                                          .find { |path| File.executable?(path) }
    MODULES = Dir["/usr/lib{,64}{,/*}/kamailio/modules"].first
    # MiB of shared memory, and of each process's own.
    SHARED = 1024
    OWN = 16

    # @param transport [Transport]
    # @param ruby [Boolean]
    # @return [String, nil] why it cannot be measured
    def self.missing(transport, ruby:)
      return "Kamailio is not installed (Debian: apt-get install kamailio)" unless PROGRAM && MODULES
      return "app_ruby is not installed (Debian: apt-get install kamailio-ruby-modules)" if ruby && !module?("app_ruby")
      return "not set up for WebSocket here" if transport.name == "ws"
      return if transport.name != "tls" || module?("tls")

      "its module tls is not installed (Debian: apt-get install kamailio-tls-modules)"
    end

    def self.module?(name)
      File.exist?("#{MODULES}/#{name}.so")
    end

    def initialize(place, counting: false, ruby: false)
      @counting = counting
      @ruby = ruby
      super(place)
    end

    private

    def start
      FileUtils.cp("#{CONFIGURATION}/relay.rb", @folder)
      configuration = File.read("#{CONFIGURATION}/relay.cfg")
      File.write(File.join(@folder, "relay.cfg"), configuration.gsub(/@\w+@/) { |word| words.fetch(word) })
      environment = { "CALLEE_PORT" => @place.callee_port.to_s, "CALLEE_TRANSPORT" => @place.transport.onward,
                      "COUNTING" => @counting ? "yes" : "no" }
      folders = ["-w", @folder, "-Y", @folder]
      spawn(environment, PROGRAM, "-DD", "-E", "-f", "relay.cfg", "-m", SHARED.to_s, "-M", OWN.to_s, *folders,
            *definitions) do
        Waiting.bound?(@place.transport.name == "udp" ? :udp : :tcp, public_send(@place.transport.listener))
      end
    end

    def words
      { "@PORT@" => port.to_s, "@TLS_PORT@" => tls_port.to_s, "@MODULES@" => MODULES, "@FOLDER@" => @folder,
        "@CERTIFICATE@" => @place.certificate.certificate, "@KEY@" => @place.certificate.key,
        "@CALLEE_PORT@" => @place.callee_port.to_s, "@CALLEE_TRANSPORT@" => @place.transport.onward }
    end

    def definitions
      transport = @place.transport.name
      defined = { "WITH_TCP" => transport != "udp", "WITH_TLS" => transport == "tls", "WITH_COUNTING" => @counting,
                  "WITH_RUBY" => @ruby }
      defined.select { |_, wanted| wanted }.keys.flat_map { |name| ["-A", name] }
    end
  end
end
