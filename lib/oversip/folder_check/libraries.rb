# frozen_string_literal: true

require "io/wait"
require "oversip/script_hints"

module OverSIP
  class FolderCheck
    # Tests whether libraries can be loaded, in a process of its own. They are loaded in the order of the script, since a
    # library may need an earlier one.
    #
    # @api private
    module Libraries
      # @!attribute text
      #   @return [String] why a library cannot be loaded, and what to do
      # @!attribute certain
      #   @return [Boolean] whether it is so in the script too: a name that is missing may be one that the script defines
      Problem = Struct.new(:text, :certain)

      # Seconds that a library may take.
      LIMIT = 20

      class << self
        # @param names [Array<String>] as `require` has them, in the order of the script
        # @return [Hash{String => Problem}] those that cannot be loaded
        def problems(names)
          problems = {}
          until names.empty?
            last = attempt(names) { |name, problem| problems[name] ||= problem } or break
            names -= [last] # the next process does without it
          end
          problems
        end

        # Whether the load path of this process has a library. Does not load it.
        def found?(name)
          !$LOAD_PATH.resolve_feature_path(name).nil? || !Gem::Specification.find_by_path(name).nil?
        rescue LoadError
          false
        end

        private

        # @return [String, nil] the library that has ended the process, or would not end; nil when all have been tried
        def attempt(names)
          reader, writer = IO.pipe
          child = fork do
            reader.close
            load_all(names, writer)
          end
          writer.close
          reached = names.first
          while reader.wait_readable(LIMIT)
            name, problem = Marshal.load(reader) # rubocop:disable Security/MarshalLoad -- our own child wrote it
            return unless name

            problem ? yield(name, Problem.new(*problem)) : reached = name
          end
          yield(reached, Problem.new("#{reached} takes more than #{LIMIT} s to load", true))
          reached
        rescue EOFError
          reached
        ensure
          reader&.close
          finish(child) if child
        end

        # The output of the libraries is discarded, and their standard input is empty.
        def load_all(names, writer)
          $stdin.reopen(File::NULL)
          [$stdout, $stderr].each { |stream| stream.reopen(File::NULL, "w") }
          names.each do |name|
            say(writer, name)
            require name
          rescue SystemExit
            nil
          rescue Exception => e # rubocop:disable Lint/RescueException -- whatever a library raises is told
            say(writer, name, [text(name, e), !e.is_a?(NameError)])
          end
          say(writer, nil)
        ensure
          exit!(0)
        end

        def say(writer, *words)
          writer.syswrite(Marshal.dump(words))
        end

        def text(name, error)
          return [error.message, ScriptHints.library(error.path || name)].compact.join("; ") if error.is_a?(LoadError)

          ["#{error.message.lines.first&.chomp} (#{error.class})", ScriptHints.replacement(name)].compact.join("; ")
        end

        def finish(child)
          Process.kill("KILL", child)
          Process.wait(child)
        rescue Errno::ESRCH, Errno::ECHILD
          nil
        end
      end
    end
  end
end
