# frozen_string_literal: true

require "oversip/script_hints"

module OverSIP
  # A configuration folder: oversip.conf, proxies.conf and server.rb. Everything is read before anything is checked, so that
  # an error in server.rb is reported before one in a value, and server.rb sees no configuration.
  #
  # @api private
  class Folder
    # A file of the folder cannot be read, or its Ruby code failed; the `cause` says why.
    class LoadError < ConfigurationError
      # @return [String] what failed, without the cause
      attr_reader :summary

      # @return [String] the cause alone
      attr_reader :detail

      def initialize(title, path, cause)
        @summary = "error loading #{title} file '#{path}':"
        @detail = ["#{cause.message} (#{cause.class})", ScriptHints.for(cause)].compact.join(" ")
        super("#{@summary} #{@detail}")
      end
    end

    SCRIPT = "server.rb"
    SCRIPT_TITLE = "Server"

    # @return [String] absolute
    attr_reader :path

    # @return [Object] what oversip.conf and proxies.conf say
    attr_reader :configuration, :proxies

    # @param path [String]
    # @param file [String] the name of oversip.conf in the folder
    # @param complete [Boolean] proxies.conf and server.rb have to be there, as for a server
    def initialize(path, file: Config::FILE_NAME, complete: false)
      @path = File.expand_path(path)
      @file = file
      @complete = complete
    end

    # Reads the files and evaluates server.rb, which happens once however often it is asked for.
    #
    # @raise [LoadError]
    def load
      configuration_file = File.join(path, @file)
      @configuration = loading(Config::TITLE, configuration_file) { Config::Source.read(configuration_file) }
      read_proxies
      loading(SCRIPT_TITLE, script) { require script } if wanted?(script)
    end

    # Reads proxies.conf again.
    #
    # @raise [LoadError]
    def read_proxies
      file = proxies_file
      @proxies = file && loading(ProxiesConfig::TITLE, file) { Config::Source.read(file) }
    end

    # Evaluates server.rb again in the same process: methods are redefined, nothing is undone.
    #
    # @raise [LoadError]
    def reload_script
      loading(SCRIPT_TITLE, script) { Kernel.load(script) } if wanted?(script)
    end

    # @return [String, nil] nil when the folder has none
    def proxies_file
      file = File.join(path, ProxiesConfig::FILE_NAME)
      file if wanted?(file)
    end

    private

    def script
      File.join(path, SCRIPT)
    end

    def wanted?(file)
      @complete || File.exist?(file)
    end

    def loading(title, file)
      yield
    rescue *Dispatcher::FATAL
      raise
    rescue StandardError, ScriptError, SystemStackError => e
      raise LoadError.new(title, file, e)
    end
  end
end
