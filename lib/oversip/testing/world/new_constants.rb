# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # The constants that there were before a script was loaded, and so those that it has made.
      #
      # @api private
      class NewConstants
        # Where scripts define constants.
        PLACES = [Object, OverSIP, OverSIP::SIP, SystemEvents, SipEvents, WebSocketEvents].freeze

        def initialize
          @before = PLACES.to_h { |place| [place, place.constants(false)] }
        end

        # @param files [Array<String>]
        # @return [Array<String>] files beside these that have put something into modules of theirs: they have to be
        #   evaluated again together with these, for the modules begin empty
        def other_files(files)
          made_by(files).flat_map do |place, name|
            sources = sources(own_module(place, name))
            folder = folder_of([source(place, name), *(sources & files)])
            sources.select { |file| file.start_with?(folder) }
          end.uniq - files
        end

        # Takes away those that these files have made.
        #
        # @param files [Array<String>]
        def undo(files)
          made_by(files).each { |place, name| place.__send__(:remove_const, name) }
        end

        private

        def made_by(files)
          @before.flat_map { |place, before| made_in(place, place.constants(false) - before, files) }
        end

        # A module that another file has made may hold some, too.
        def made_in(place, names, files)
          names.flat_map do |name|
            inner = own_module(place, name)
            next [[place, name]] if files.include?(source(place, name)) || reopened?(place, name, inner, files)

            inner ? made_in(inner, inner.constants(false), files) : []
          end
        end

        # A library often makes its module in another file than the one with its events, such as that of its version.
        def reopened?(place, name, inner, files)
          (sources(inner) & files & $LOADED_FEATURES).any? { |file| source(place, name)&.start_with?(folder_of([file])) }
        end

        # @return [String] the outermost one of the folders of these files
        def folder_of(files)
          "#{files.map { |file| File.dirname(file) }.min_by(&:length)}/"
        end

        def source(place, name)
          place.const_source_location(name)&.first unless place.autoload?(name)
        end

        # @return [Module, nil] one that has this name first of all: no other name of one that was there before
        def own_module(place, name)
          value = place.const_get(name, false) unless place.autoload?(name)
          value if Module === value && value.name == (place.equal?(Object) ? name.to_s : "#{place}::#{name}") # rubocop:disable Style/CaseEquality -- a constant may be a BasicObject
        end

        # @return [Array<String>] the files that have put something into a module
        def sources(owner)
          return [] unless owner

          names = owner.constants(false)
          methods = [owner, owner.singleton_class].flat_map { |place| methods_of(place) }
          [*names.map { |name| source(owner, name) }, *methods.map { |method| method.source_location&.first },
           *names.flat_map { |name| sources(own_module(owner, name)) }].compact
        end

        def methods_of(owner)
          (owner.instance_methods(false) + owner.private_instance_methods(false)).map { |name| owner.instance_method(name) }
        end
      end
    end
  end
end
