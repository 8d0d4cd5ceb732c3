# frozen_string_literal: true

require "oversip/testing/world/event_module"
require "oversip/testing/world/globals"
require "oversip/testing/world/in_turn"
require "oversip/testing/world/new_constants"
require "oversip/testing/world/script_files"

module OverSIP
  module Testing
    class World
      # What there was before a script was loaded, and so what the script has made.
      #
      # @api private
      class MadeByScript
        CALLBACKS = %i[on_started_callbacks on_reload_callbacks on_terminated_callbacks].freeze

        # @param path [String, nil] the script
        def initialize(path)
          @events = [SystemEvents, SipEvents, WebSocketEvents].map { |events| EventModule.new(events) }
          @callbacks = CALLBACKS.to_h { |name| [name, SystemCallbacks.public_send(name).dup] }
          @wrappers = AroundCallback.wrappers
          @constants = NewConstants.new
          @top_level = MethodsBefore.new(Object) { Object.private_instance_methods(false) }
          @globals = Globals.new
          @globals.keep(path) if path
          @files = ScriptFiles.new(path) { |file| @globals.keep(file) }
        end

        # @raise [OverSIP::RuntimeError] the script has done what cannot be undone
        def check
          files = self.files
          @events.each { |events| events.check(files) }
        end

        # Takes it all away.
        def undo
          @files.end_watch
          files = self.files
          InTurn.call(
            -> { @globals.undo(files) },
            -> { @constants.undo(files) },
            -> { @top_level.undo { |method| files.include?(method.source_location&.first) } },
            *@events.map { |events| -> { events.undo(files) } },
            -> { @callbacks.each { |name, before| SystemCallbacks.public_send(name).replace(before) } },
            -> { AroundCallback.replace(@wrappers) },
            # They are to be evaluated once more by the next world.
            -> { files.each { |file| $LOADED_FEATURES.delete(file) } }
          )
        end

        private

        # @return [Array<String>] the files of the script, and those which are evaluated again with them
        def files
          files = @files.all(@events.flat_map(&:files) + callback_files)
          loop do
            further = @constants.other_files(files) & @files.required
            return files if further.empty?

            files.concat(further)
          end
        end

        def callback_files
          callbacks = CALLBACKS.flat_map { |name| SystemCallbacks.public_send(name) }
          callbacks.concat((AroundCallback.wrappers - @wrappers).map(&:callable))
          callbacks.grep(Proc).filter_map { |callback| callback.source_location&.first }
        end
      end
    end
  end
end
