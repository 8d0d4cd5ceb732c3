# frozen_string_literal: true

require "fileutils"
require "io/console"
require "pathname"
require "oversip/system_reason"

module OverSIP
  module Testing
    # One example with a World of its own: opens it, runs the example, fails it by what nothing else has shown, and closes
    # the World.
    #
    # @api private
    class ExampleRun
      # Lines of a ladder under a failed example. The last ones are shown: the failure is near them.
      LINES = 60

      # Lines with the names and addresses of the parties.
      HEAD = 2

      # What an example without a script is told.
      NO_SCRIPT = "the example has no script: say `script: \"server.rb\"` beside :sip, or `sip_script { |request| ... }` " \
                  "in its group"

      # @param example [::RSpec::Core::Example::Procsy] of an around hook
      # @param instance [Object] in which it runs
      def initialize(example, instance)
        @example = example
        @instance = instance
        @metadata = example.metadata
      end

      # @raise [Exception] what failed beside what RSpec has noted already
      def run
        adopt_let_memory
        @world = open
        begin
          raised = raised_by { @example.run }
        ensure
          close
        end
        errors = [*unnoted_errors(raised), *@failures]
        skipped = errors.find { |error| error.is_a?(::RSpec::Core::Pending::SkipDeclaredInExample) }
        return skip(skipped) if skipped

        fail_by([raised, *errors.each { |error| place(error) }].compact)
      end

      private

      # An example alone, rather than its group, may have the metadata.
      def adopt_let_memory
        memory = @instance.instance_variable_get(:@__memoized)
        @instance.__send__(:__init_memoized) unless memory.is_a?(LetMemory)
      end

      def open
        check_ladder
        files = ExampleFiles.new(@metadata, @metadata.fetch(:absolute_file_path))
        script = files.fetch(:script)
        block = block_for(@metadata[:script])
        raise ArgumentError, NO_SCRIPT unless script || block

        World.open(script: (script unless script.respond_to?(:call)), proxies: files.fetch(:proxies),
                   configuration: files.fetch(:configuration), seed: @metadata.fetch(:seed, 1),
                   &(block && ExampleBlock.new(@instance, block)))
             .tap { |world| note(world) }
      rescue Exception => e # rubocop:disable Lint/RescueException -- raised again: a script may be no Ruby at all
        place(e)
        raise
      end

      def note(world)
        world.opened_at = location
        @instance.sip = world
      end

      def location
        "#{@metadata[:absolute_file_path]}:#{@metadata[:line_number]}"
      end

      # A `script:` of an inner group replaces the block of an outer one.
      #
      # @param script [Object] of the metadata
      # @return [Proc, nil]
      def block_for(script)
        block, beside = @metadata[:sip_script]
        return block if block && beside == script

        script if script.respond_to?(:call)
      end

      def close
        @instance.sip = nil
        keep_ladder
        @failures = [write_ladder].compact
      ensure
        @world.close
        @failures = [*@failures, *World.close_forgotten]
      end

      # A block of the script or of a persona has said `skip`: what the example found after that does not count.
      def skip(error)
        example = @example.example
        ::RSpec::Core::Pending.mark_skipped!(example, error.argument)
        example.display_exception = nil
      end

      # @return [Exception, nil] of a hook inside of this one
      def raised_by
        yield
        nil
      rescue *Dispatcher::FATAL
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException -- mocks and WebMock raise what is no StandardError
        e
      end

      # @return [Array<Exception>] of the World, also of its end; without those that RSpec has
      def unnoted_errors(raised)
        noted = each_exception(raised) + each_exception(@example.exception)
        @world.errors.reject { |error| noted.any? { |other| other.equal?(error) } }
      end

      # An exception that no line of the user's has raised shows the line of the example.
      def place(error)
        lines = error.backtrace || []
        return if error.frozen? || !lines.all? { |line| ::RSpec.configuration.backtrace_formatter.exclude?(line) }

        error.set_backtrace([location, *lines])
      end

      def each_exception(exception)
        return [] unless exception

        [exception, *(exception.all_exceptions.flat_map { |inner| each_exception(inner) } if several?(exception))]
      end

      def several?(exception)
        exception.respond_to?(:all_exceptions)
      end

      def fail_by(failures)
        raise failures.first if failures.one?
        raise ::RSpec::Core::MultipleExceptionError.new(*failures) if failures.any?
      end

      # Whether the example has failed is known when all hooks have run. What happened is data, and outlives the World.
      def keep_ladder
        world = @world
        @metadata[FailureLadder::KEY] = -> { shortened(world.ladder(width:).lines) }
      end

      def check_ladder
        path = @metadata[:ladder]
        return if path.nil? || path.is_a?(String) || path.is_a?(Pathname)

        raise ArgumentError, "ladder: is the path of a file, not #{path.inspect}"
      end

      # @return [OverSIP::RuntimeError, nil] why it cannot be written
      def write_ladder
        path = @metadata[:ladder] or return
        FileUtils.mkdir_p(File.dirname(path))
        File.write(path, @world.svg)
        nil
      rescue SystemCallError => e
        OverSIP::RuntimeError.new("the ladder of this example cannot be written to #{path}: #{SystemReason.of(e)}")
      end

      def shortened(lines)
        left_out = lines.size - LINES
        return lines.join if left_out <= 1

        note = "(#{left_out} lines are left out: `ladder: \"FILE.svg\"` in the example's metadata writes all of them)\n"
        [*lines.first(HEAD), note, *lines.last(LINES - HEAD)].join
      end

      # RSpec indents the message of a failure.
      def width
        columns = $stdout.tty? ? IO.console.winsize.last : 100
        [columns - 10, 60].max
      end
    end
  end
end
