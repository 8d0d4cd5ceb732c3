# frozen_string_literal: true

require "oversip/script_source/client_classes"
require "oversip/script_source/reading"
require "oversip/script_source/syntax"

module OverSIP
  # The contents of server.rb, and of its own files that it loads, without running them: the profiles that it names, the
  # libraries that it requires, the events that it defines. Names that are made at run time are not found.
  #
  # @api private
  class ScriptSource
    # Modules whose singleton methods a script redefines, and what they may be.
    EVENTS = {
      SystemEvents: %i[on_initialize on_started on_user_reload on_terminated],
      SipEvents: %i[on_request on_client_tls_handshake on_server_tls_handshake],
      WebSocketEvents: %i[on_connection on_disconnection on_client_tls_handshake]
    }.freeze

    # Parts that may run only sometimes, as Ripper names them.
    CONDITIONS = %i[if unless elsif else if_mod unless_mod ifop case when in while until while_mod until_mod rescue].freeze

    # Where Ruby's own libraries are.
    STANDARD = RbConfig::CONFIG.values_at("rubylibdir", "rubyarchdir").map { |path| "#{path}/" }.freeze

    # @return [Hash{Symbol => String}] profiles, each with the first place that names it
    attr_reader :profiles

    # @return [Hash{String => String}] libraries that are not the script's own files and have to be there, with their places
    attr_reader :libraries

    # @return [Array<String>] all libraries in the order in which they are loaded, those too that the script can do without
    attr_reader :loads

    # @return [Array<Array>] event module, event and place of methods that miss `self.`
    attr_reader :unbound

    # @param path [String] of server.rb
    # @raise [SystemCallError] it cannot be read
    def initialize(path)
      @path = File.expand_path(path)
      @folder = File.dirname(@path)
      @profiles = {}
      @libraries = {}
      @loads = []
      @certain = []
      @defined = []
      @unbound = []
      @constants = {}
      @readings = {}
      @complete = true
      read(@path)
      find_profiles
    end

    # @return [Boolean] whether server.rb is Ruby
    def valid?
      @readings.fetch(@path).valid?
    end

    # @param profile [Symbol]
    # @return [Boolean] whether the script uses the profile whatever happens: under no condition, and with classes that are
    #   known to be OverSIP's
    def certain?(profile)
      @complete && @certain.include?(profile)
    end

    # Names that the script uses as profiles, and those that it may use: they stand in it as a text or Symbol.
    #
    # @param names [Array<Symbol>] those of profiles
    # @return [Array<Hash{Symbol => String}>] those in use and those that may be, each with a place that names it
    def mentions(names)
      literals = @readings.flat_map { |file, reading| reading.literals.map { |name, line| [name, place(file, line)] } }
      mentioned = literals.reverse.to_h.slice(*names)
      return [mentioned.merge(@profiles).slice(*names), {}] if @open

      [@profiles.slice(*names), mentioned.except(*@profiles.keys)]
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

      @loads |= [wanted.name]
      @libraries[wanted.name] ||= place(from, wanted.line) unless wanted.optional
      @complete &&= known?(wanted.name)
    end

    # Ruby's own libraries, and the parts of this one, define no events of a script. Other libraries are not read.
    def known?(name)
      return true if name.match?(%r{\Aoversip(?:/|\z)})
      # A newer version of it may come from a gem.
      return true if STANDARD.product(%w[.rb .so]).any? { |folder, ending| File.file?("#{folder}#{name}#{ending}") }
      return true if $LOADED_FEATURES.intersect?(["#{name}.rb", "#{name}.so"]) # a part of the interpreter

      _, path = $LOAD_PATH.resolve_feature_path(name)
      path == false || path.to_s.start_with?(*STANDARD)
    rescue ::LoadError
      false
    end

    # The classes of all files are known before.
    def find_profiles
      classes = ClientClasses.new(Syntax.new(@path, @constants))
      @readings.each_value { |reading| classes.read(reading.tree) }
      @readings.each do |file, reading|
        names = reading.profile_names(classes)
        names.found.each { |profile, line| @profiles[profile] ||= place(file, line) }
        @certain |= names.certain
        @open ||= names.open
      end
    end

    # A file is the script's own when it is named by its path, in its folder or not.
    def own_file(wanted)
      candidates = wanted.name.start_with?("/") ? [wanted.name] : own_candidates(wanted.name)
      candidates.flat_map { |path| [path, "#{path}.rb"] }.find { |path| File.file?(path) && !path.end_with?(".so") }
    end

    # A script that changes the load path usually adds its own folder, or one in it.
    def own_candidates(name)
      return [] unless own_load_path?

      ["", *Dir.glob("*/", base: @folder)].map { |folder| File.join(@folder, folder, name) }
    end

    def place(path, line)
      "#{path.delete_prefix("#{@folder}/")}:#{line}"
    end
  end
end
