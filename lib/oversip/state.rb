# frozen_string_literal: true

# The state of the engine of this process, for scripts.
module OverSIP
  class << self
    # rubocop:disable Style/BisectedAttrAccessor -- scripts read, the library alone writes

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
    attr_reader :configuration

    # @return [Hash{Symbol => Hash{Symbol => Object}}, nil] the profiles of proxies.conf by name; nil before the start
    attr_accessor :proxies

    # @return [String, nil] the name of the server process; nil when a script started the engine
    attr_reader :master_name

    # @return [Integer, nil] the process that serves
    attr_reader :pid

    # @return [String, nil]
    attr_reader :pid_file

    # @return [Boolean, nil] true once stdin, stdout and stderr are detached
    attr_reader :daemonized
    alias daemonized? daemonized

    # @return [Boolean, nil] whether requests are served
    attr_reader :is_ready

    # @return [Fiber, nil] the Fiber of the dispatcher in which no callback runs
    attr_reader :root_fiber

    # @return [String, nil] file names of the TLS certificate and key; nil when TLS is off
    attr_reader :tls_public_cert, :tls_private_cert

    # @return [Array<Integer>, nil] helper processes; this implementation has none
    attr_reader :stud_pids

    # Setters for the library.
    #
    # @api private
    attr_writer :configuration, :master_name, :pid, :pid_file, :daemonized, :status, :is_ready, :root_fiber,
                :tls_public_cert, :tls_private_cert, :stud_pids

    # rubocop:enable Style/BisectedAttrAccessor
  end
end
