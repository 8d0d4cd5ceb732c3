# frozen_string_literal: true

require "io/wait"
require "timeout"
require "oversip/script_hints"

module OverSIP
  class FolderCheck
    # Whether libraries can be loaded. Each is tried in a process of its own, which ends with it.
    #
    # @api private
    module Libraries
      # Seconds that a library may take.
      LIMIT = 20

      class << self
        # @param name [String] as `require` has it
        # @return [String, nil] why it cannot be loaded and what to do; nil when it can
        def problem(name)
          error, wanted = attempt(name)
          return unless error

          [error, ScriptHints.library(wanted || name)].compact.join("; ")
        end

        # Whether a library is found where this process looks, without loading it.
        def found?(name)
          !$LOAD_PATH.resolve_feature_path(name).nil? || !Gem::Specification.find_by_path(name).nil?
        rescue LoadError
          false
        end

        private

        # @return [Array, nil] what went wrong, and the library that was missed
        def attempt(name)
          reader, writer = IO.pipe
          child = fork do
            reader.close
            report(writer) { require name }
          end
          writer.close
          said = Timeout.timeout(LIMIT) { reader.read }
          said.empty? ? nil : Marshal.load(said) # rubocop:disable Security/MarshalLoad -- our own child wrote it
        rescue Timeout::Error
          ["#{name} takes more than #{LIMIT} s to load"]
        ensure
          reader&.close
          finish(child) if child
        end

        # What the library prints is of no interest here, and nobody answers what it asks.
        def report(writer)
          $stdin.reopen(File::NULL)
          [$stdout, $stderr].each { |stream| stream.reopen(File::NULL, "w") }
          yield
        rescue SystemExit
          nil
        rescue Exception => e # rubocop:disable Lint/RescueException -- whatever a library raises is told
          message = e.is_a?(LoadError) ? e.message : "#{e.message.lines.first&.chomp} (#{e.class})"
          writer.write(Marshal.dump([message, (e.path if e.is_a?(LoadError))]))
        ensure
          writer.close
          exit!(0)
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
