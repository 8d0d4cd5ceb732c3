# frozen_string_literal: true

require "oversip/script_source/syntax"
require "oversip/script_source/reading"

module OverSIP
  # What can be known of a server.rb, and of the files of its own that it loads, without running them: the profiles that it
  # names, the libraries that it wants, the events that it defines. What a script makes of names at run time is not seen.
  #
  # @api private
  class ScriptSource
    # Modules whose singleton methods a script redefines, and what they may be.
    EVENTS = {
      SystemEvents: %i[on_initialize on_started on_user_reload on_terminated],
      SipEvents: %i[on_request on_client_tls_handshake on_server_tls_handshake],
      WebSocketEvents: %i[on_connection on_disconnection on_client_tls_handshake]
    }.freeze

    # @return [Hash{Symbol => String}] profiles, each with the first place that names it
    attr_reader :profiles

    # @return [Hash{String => String}] libraries that are not the script's own files and have to be there, with their places
    attr_reader :libraries

    # @return [Array<Array>] event module, event and place of methods that miss `self.`
    attr_reader :unbound

    # @param path [String] of server.rb
    # @raise [SystemCallError] it cannot be read
    def initialize(path)
      @path = File.expand_path(path)
      @folder = File.dirname(@path)
      @profiles = {}
      @libraries = {}
      @defined = []
      @unbound = []
      @constants = {}
      @readings = {}
      @complete = true
      read(@path)
      @readings.each do |file, reading|
        reading.profiles.each { |profile, line| @profiles[profile] ||= place(file, line) }
      end
    end

    # @return [Boolean] whether server.rb is Ruby
    def valid?
      @readings.fetch(@path).valid?
    end

    # Names that the script uses as profiles, or may use as such since they stand in it as a text or Symbol.
    #
    # @param names [Array<Symbol>] those of profiles
    # @return [Hash{Symbol => String}] each with a place that names it
    def mentions(names)
      literals = @readings.flat_map { |file, reading| reading.literals.map { |name, line| [name, place(file, line)] } }
      literals.reverse.to_h.merge(@profiles).slice(*names)
    end

    # @return [Boolean, nil] whether the script defines an event; nil when it cannot be known from its text
    def defines?(event)
      return true if @defined.include?(event)

      @complete ? false : nil
    end

    # @return [Array<String>] absolute paths of the files that were read
    def files
      @readings.keys
    end

    # @return [Boolean] whether it makes profiles itself
    def makes_profiles?
      @readings.each_value.any?(&:makes_profiles)
    end

    # @return [Boolean] whether the libraries that it wants are found by other means than those of this process
    def own_load_path?
      @own_load_path == true
    end

    private

    def read(path)
      return if @readings.key?(path)

      # A script may be in another encoding: names of profiles and events are ASCII in all of them.
      text = File.read(path, encoding: Encoding::UTF_8).scrub
      reading = @readings[path] = Reading.new(text, path, @constants)
      @complete &&= reading.complete
      @own_load_path ||= reading.own_load_path
      @defined |= reading.defined
      @unbound.concat(reading.unbound.map { |owner, event, line| [owner, event, place(path, line)] })
      reading.required.each { |wanted| follow(wanted, path) }
    end

    # Reads a file of the script's own; anything else is a library.
    def follow(wanted, from)
      own = own_file(wanted)
      return read(own) if own

      @libraries[wanted.name] ||= place(from, wanted.line) unless wanted.optional
    end

    # A file is the script's own when it is named by its path, in its folder or not.
    def own_file(wanted)
      candidates = wanted.name.start_with?("/") ? [wanted.name] : own_candidates(wanted.name)
      candidates.flat_map { |path| [path, "#{path}.rb"] }.find { |path| File.file?(path) && !path.end_with?(".so") }
    end

    # A script that changes the load path means its own folder, or one in it.
    def own_candidates(name)
      return [] unless own_load_path?

      ["", *Dir.glob("*/", base: @folder)].map { |folder| File.join(@folder, folder, name) }
    end

    def place(path, line)
      "#{path.delete_prefix("#{@folder}/")}:#{line}"
    end
  end
end
