# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # The files that a script consists of: itself, files of its folder and below that it evaluates with `load`, and files
      # that it requires in which events are defined.
      #
      # @api private
      class ScriptFiles
        # @param path [String, nil] the script
        # @yieldparam file [String] one of its folder that is about to be evaluated
        def initialize(path, &about_to_run)
          @path = path
          @features = $LOADED_FEATURES.dup
          @evaluated = []
          return unless path

          @folder = "#{File.dirname(path)}/"
          @about_to_run = about_to_run
          # The only way to learn of a file that is evaluated by `load`: Ruby keeps no list of them.
          @trace = TracePoint.new(:script_compiled) { |trace| note(trace.instruction_sequence.path, trace.eval_script) }
          @trace.enable
        end

        # Files that are evaluated from now on are no more the script's.
        def end_watch
          @trace&.disable
        end

        # @param event_files [Array<String>] files in which events are defined
        # @return [Array<String>]
        def all(event_files)
          [@path, *(required & event_files), *(@evaluated - $LOADED_FEATURES)].compact.uniq
        end

        # @return [Array<String>] files that were required since the beginning
        def required
          $LOADED_FEATURES - @features
        end

        private

        def note(file, eval_text)
          return if eval_text || !file.start_with?(@folder) || @evaluated.include?(file)

          @evaluated << file
          @about_to_run.call(file)
        end
      end
    end
  end
end
