# frozen_string_literal: true

# What the engine of this process is doing, as scripts read it.
module OverSIP
  class << self
    # See {Logger.target}.
    #
    # @return [Object]
    def logger
      Logger.target
    end

    # See {Logger.target=}: `OverSIP.logger = Rails.logger`.
    #
    # @raise [ArgumentError]
    def logger=(object)
      Logger.target = object
    end

    # @return [Hash{Symbol => Hash{Symbol => Object}}, nil] the parameters of oversip.conf by section; nil before the start
    attr_accessor :configuration

    # @return [Hash{Symbol => Hash{Symbol => Object}}, nil] the profiles of proxies.conf by name; nil before the start
    attr_accessor :proxies

    # @return [String, nil] the name of the server process; nil when a script started the engine
    attr_accessor :master_name

    # @return [Integer, nil] the process that serves
    attr_accessor :pid

    # @return [String, nil]
    attr_accessor :pid_file

    # @return [Boolean, nil] true once stdin, stdout and stderr are detached
    attr_accessor :daemonized
    alias daemonized? daemonized

    # @return [Symbol, nil] :loading, :running or :terminating; nil while nothing is started
    attr_writer :status

    # @return [Boolean, nil] whether requests are served
    attr_accessor :is_ready

    # @return [Fiber, nil] the Fiber of the dispatcher in which no callback runs
    attr_accessor :root_fiber

    # @return [String, nil] file names of the TLS certificate and key; nil when TLS is off
    attr_accessor :tls_public_cert, :tls_private_cert

    # @return [Array<Integer>, nil] helper processes; this implementation has none
    attr_accessor :stud_pids
  end
end
