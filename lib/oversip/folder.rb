# frozen_string_literal: true

require "shellwords"
require "oversip/script_hints"
require "oversip/script_source"

module OverSIP
  # A configuration folder: oversip.conf, proxies.conf and server.rb. All files are read before the values are checked: an
  # error in server.rb is reported before an invalid value, and server.rb sees no configuration.
  #
  # @api private
  class Folder
    # A file of the folder cannot be read, or its Ruby code failed; the `cause` says why.
    class LoadError < ConfigurationError
      # @return [String] what failed, without the cause
      attr_reader :summary

      # @return [String] the cause alone
      attr_reader :detail

      # @return [Exception] the cause as a record shows it: with what to do about it, and of its places only those in the
      #   user's own files
      attr_reader :shown

      # @param hint [String, nil] what to do about it
      def initialize(title, path, cause, hint = nil)
        message = [cause.message, hint].compact.join(": ")
        @summary = "error loading #{title} file '#{path}':"
        @detail = ["#{message} (#{cause.class})", ScriptHints.for(cause)].compact.join(" ")
        @shown = cause.exception(message)
        @shown.set_backtrace(places(cause))
        super("#{@summary} #{@detail}")
      end

      private

      # Frames of the library and of Ruby's loader do not help the author of the file.
      def places(cause)
        inside = Array(cause.backtrace).take_while { |line| !line.start_with?(__FILE__) }
        inside.reject { |line| line.start_with?("<internal:", *FOREIGN) }
      end
    end

    # Where this library's files are, and Ruby's own.
    FOREIGN = [File.expand_path("..", __dir__), RbConfig::CONFIG.fetch("rubylibdir")].map { |path| "#{path}/" }.freeze

    SCRIPT = "server.rb"
    SCRIPT_TITLE = "Server"

    class << self
      # @return [Boolean] whether nothing of a configuration is there; what cannot be looked at may be there
      def missing?(path, file: Config::FILE_NAME)
        [file, ProxiesConfig::FILE_NAME, SCRIPT].all? { |name| absent?(File.join(path, name)) }
      end

      # @return [String] what to do about a folder that is missing
      def hint(path)
        "`oversip init #{shell(path)}` writes one"
      end

      # @return [String] the path as a shell takes it
      def shell(path)
        Shellwords.escape(path)
      end

      private

      def absent?(file)
        File.lstat(file)
        false
      rescue Errno::ENOENT
        true
      rescue SystemCallError
        false
      end
    end

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

    # Reads the files and evaluates server.rb, once only.
    #
    # @raise [LoadError]
    def load
      configuration_file = File.join(path, @file)
      @configuration = loading(Config::TITLE, configuration_file) { Config::Source.read(configuration_file) }
      read_proxies
      loading(SCRIPT_TITLE, script) { AroundCallback.loading { require script } } if wanted?(script)
      @source = read_script
    end

    # @return [ScriptSource, nil] the text of server.rb that was loaded last; nil when there is none
    attr_reader :source

    # The names in the script: in the present text of server.rb, which HUP loads next, or in the text that was loaded last if
    # the present one has a syntax error.
    #
    # @param names [Array<Symbol>] those of profiles
    # @return [Array<Hash{Symbol => String}>] those in use and those that may be, each with a place that names it
    def mentioned(names)
      present = read_script
      source = present&.valid? ? present : @source
      source&.mentions(names) || [{}, {}]
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
      loading(SCRIPT_TITLE, script) { AroundCallback.reloading(script) { Kernel.load(script) } } if wanted?(script)
      @source = read_script
    end

    # @return [String, nil] nil when the folder has none
    def proxies_file
      file = File.join(path, ProxiesConfig::FILE_NAME)
      file if wanted?(file)
    end

    private

    def read_script
      ScriptSource.new(script) if script?
    rescue SystemCallError, EncodingError, ArgumentError, SystemStackError
      nil # what is wrong with it, loading it says; what is too deep to be read may run all the same
    end

    def script
      File.join(path, SCRIPT)
    end

    def script?
      File.exist?(script)
    end

    def wanted?(file)
      @complete || File.exist?(file)
    end

    def loading(title, file)
      yield
    rescue *Dispatcher::FATAL
      raise
    rescue StandardError, ScriptError, SystemStackError => e
      raise LoadError.new(title, file, e, (Folder.hint(path) if Folder.missing?(path, file: @file)))
    end
  end
end
