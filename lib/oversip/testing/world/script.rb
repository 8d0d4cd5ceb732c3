# frozen_string_literal: true

require "oversip/testing/world/made_by_script"

module OverSIP
  module Testing
    class World
      # The script of a world: loaded as the server does it at a reload, and undone when the world closes.
      #
      # Undone are: event methods and further methods of the event modules, system callbacks, constants, methods of the top
      # level and global variables that the script's files made, and instance variables of the event modules. The script's
      # files are the script, files of its folder that it evaluates with `load`, and files that it requires which define
      # events; also those that have put something into modules that these made. Other files that it requires stay loaded,
      # and classes that it patches stay patched.
      #
      # @api private
      class Script
        # @param path [String, nil]
        # @param on_request [Proc, nil] takes the place of the script's `on_request`
        def initialize(path, on_request)
          @path = path && File.expand_path(path)
          @on_request = on_request
        end

        # @return [Proc, nil]
        attr_reader :on_request

        # Loads the script.
        def load
          @made = MadeByScript.new(@path)
          Kernel.load(@path) if @path
          block = on_request or return
          SipEvents.define_singleton_method(:on_request) { |request| block.call(request) }
        end

        # @return [Array<String>] what a server says at its start of a script like this one
        def warnings
          @path ? ScriptEvents.warnings : []
        end

        # @raise [OverSIP::RuntimeError] the script has done what cannot be undone
        def check
          @made.check
        end

        # Takes away what the script's files have made.
        def undo
          @made&.undo
        end
      end
    end
  end
end
