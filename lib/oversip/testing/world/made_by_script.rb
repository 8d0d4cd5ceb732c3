# frozen_string_literal: true

require "oversip/testing/world/globals"

module OverSIP
  module Testing
    class World
      # What there was before a script was loaded, and so what the script has made.
      #
      # @api private
      class MadeByScript
        EVENTS = [SystemEvents, SipEvents, WebSocketEvents].freeze

        # Where scripts define constants.
        PLACES = [Object, OverSIP, OverSIP::SIP, *EVENTS].freeze

        CALLBACKS = %i[on_started_callbacks on_reload_callbacks on_terminated_callbacks].freeze

        # @param path [String, nil] the script
        def initialize(path)
          @path = path
          @features = $LOADED_FEATURES.dup
          @constants = PLACES.to_h { |place| [place, place.constants(false)] }
          @methods = EVENTS.to_h { |events| [events, [methods_of(events.singleton_class), methods_of(events)]] }
          @variables = EVENTS.to_h { |events| [events, variables_of(events)] }
          @callbacks = CALLBACKS.to_h { |name| [name, SystemCallbacks.public_send(name).dup] }
          @wrappers = AroundCallback.wrappers
          @top_level = Object.private_instance_methods(false)
          @globals = Globals.new(@path)
        end

        # @return [Array<String>] the files of the script
        def files
          [@path, *(loaded_files & event_files), *unlisted_files].compact.uniq
        end

        # Takes it all away.
        def undo
          files = self.files
          @globals.undo(files)
          undo_constants(files)
          undo_top_level(files)
          EVENTS.each { |events| undo_events(events) }
          @callbacks.each { |name, before| SystemCallbacks.public_send(name).replace(before) }
          AroundCallback.replace(@wrappers)
          # They are to be evaluated once more by the next world.
          files.each { |file| $LOADED_FEATURES.delete(file) }
        end

        private

        def methods_of(owner)
          (owner.instance_methods(false) + owner.private_instance_methods(false)).to_h do |name|
            [name, owner.instance_method(name)]
          end
        end

        def variables_of(events)
          events.instance_variables.to_h { |name| [name, events.instance_variable_get(name)] }
        end

        def loaded_files
          $LOADED_FEATURES - @features
        end

        # Files in which events are defined, or callbacks.
        def event_files
          methods = EVENTS.flat_map { |events| [*methods_of(events.singleton_class).values, *methods_of(events).values] }
          callbacks = CALLBACKS.flat_map { |name| SystemCallbacks.public_send(name) }
          callbacks = (callbacks + (AroundCallback.wrappers - @wrappers).map(&:callable)).grep(Proc)
          (methods + callbacks).filter_map { |callable| callable.source_location&.first }.uniq
        end

        # Files that made constants although nothing has required them: `load` has evaluated them.
        def unlisted_files
          sources = new_constants.filter_map { |place, name| source(place, name) }
          @path ? (sources.uniq & neighbours) - $LOADED_FEATURES : []
        end

        def neighbours
          folder = "#{File.dirname(@path)}/"
          new_constants.filter_map { |place, name| source(place, name) }.select { |file| file.start_with?(folder) }
        end

        def new_constants
          @constants.flat_map { |place, before| (place.constants(false) - before).map { |name| [place, name] } }
        end

        def source(place, name)
          place.const_source_location(name)&.first unless place.autoload?(name)
        end

        def undo_constants(files)
          new_constants.each { |place, name| place.__send__(:remove_const, name) if files.include?(source(place, name)) }
        end

        def undo_top_level(files)
          (Object.private_instance_methods(false) - @top_level).each do |name|
            Object.__send__(:remove_method, name) if files.include?(Object.instance_method(name).source_location&.first)
          end
        end

        def undo_events(events)
          [events.singleton_class, events].zip(@methods.fetch(events)) { |owner, before| undo_methods(owner, before) }
          before = @variables.fetch(events)
          (events.instance_variables - before.keys).each { |name| events.remove_instance_variable(name) }
          before.each { |name, value| events.instance_variable_set(name, value) }
        end

        def undo_methods(owner, before)
          methods_of(owner).each do |name, method|
            next if before[name] == method

            owner.__send__(:remove_method, name)
            restore(owner, name, before[name]) if before[name]
          end
          (before.keys - methods_of(owner).keys).each { |name| restore(owner, name, before[name]) }
        end

        # A method that has an alias is redefined without a warning.
        def restore(owner, name, method)
          owner.define_method(name, method)
          owner.alias_method(name, name)
        end
      end
    end
  end
end
