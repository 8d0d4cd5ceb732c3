# frozen_string_literal: true

require "minitest"
require "oversip/testing/example_block"
require "oversip/testing/example_files"
require "oversip/testing/failure_ladder"
require "oversip/testing/world"

module OverSIP
  module Testing
    # A World for each test of a `Minitest::Test`. What the script raises, and requests to targets that nobody plays, fail
    # the test; the ladder of what happened stands under the failure.
    #
    # A module of helpers may include this one for its tests. Tests that run in threads wait for each other.
    #
    # @example
    #   require "minitest/autorun"
    #   require "oversip/minitest"
    #
    #   class ServerTest < Minitest::Test
    #     include OverSIP::Testing::Minitest
    #     world script: "server.rb"
    #
    #     def test_goes_to_the_gateway
    #       sip.target("gw1.example").answers 200
    #       call = sip.client(:alice).invite "sip:bob@gw1.example"
    #       assert_equal 200, call.status
    #     end
    #   end
    module Minitest
      # What a test without a script is told.
      NO_SCRIPT = "the test has no script: say `world script: \"server.rb\"`, or `world { |request| ... }`, in its class"
      private_constant :NO_SCRIPT

      # What the class of the tests has.
      module Groups
        # How the World of each test is opened. Files are looked for in the working directory, beside the file of the test
        # and in the folders above it.
        #
        # @param options [Hash] of {World.open}
        # @yieldparam request [SIP::Request] `on_request` without a file; evaluated in the test
        def world(**options, &on_request)
          @sip_options = options
          @sip_on_request = on_request
          @sip_file = caller_locations(1, 1).first.absolute_path
        end

        # @return [Array(Hash, Proc)] what {World.open} is given
        # @api private
        def sip_world
          return superclass.respond_to?(:sip_world) ? superclass.sip_world : [{}, nil] unless @sip_options

          files = ExampleFiles.new(@sip_options, @sip_file)
          [@sip_options.to_h { |key, _| [key, files.fetch(key)] }, @sip_on_request]
        end
      end

      # Takes what is none of the user's out of backtraces, before Minitest does.
      #
      # @api private
      BacktraceFilter = Struct.new(:former) do
        # @param backtrace [Array<String>, nil]
        # @return [Array<String>, nil]
        def filter(backtrace)
          lines = (backtrace || []).grep_v(%r{/lib/oversip/(?:dispatcher|minitest|testing|waiting)(?:/|\.rb)})
          former.filter(lines.empty? ? backtrace : lines)
        end
      end
      private_constant :BacktraceFilter
      ::Minitest.backtrace_filter = BacktraceFilter.new(::Minitest.backtrace_filter)

      # What a module of helpers has that includes this one.
      #
      # @api private
      module Helpers
        def included(group)
          super
          Minitest.included(group)
        end
      end

      # Tests that run in threads have their worlds one after the other.
      TURN = Mutex.new
      private_constant :TURN

      # @api private
      def self.included(group)
        super
        group.is_a?(Class) ? group.extend(Groups) : group.singleton_class.prepend(Helpers)
      end

      # @return [World] of this test
      attr_reader :sip

      # @api private
      def before_setup
        TURN.lock unless TURN.owned?
        options, on_request = self.class.sip_world
        raise ArgumentError, NO_SCRIPT unless options[:script] || on_request

        @sip = World.open(**options, &(on_request && ExampleBlock.new(self, on_request)))
        @sip.opened_at = location
        super
      end

      # @api private
      def after_teardown
        super
      ensure
        begin
          fail_by_world if sip
        ensure
          TURN.unlock if TURN.owned?
        end
      end

      private

      # Its end may fail, too.
      def fail_by_world
        sip.close
        noted = failures.map { |failure| failure.is_a?(::Minitest::UnexpectedError) ? failure.error : failure }
        errors = [*sip.errors, *World.close_forgotten].reject { |error| noted.any? { |other| other.equal?(error) } }
        failures.concat(errors.map { |error| failure(error) })
        failed = failures.reject { |failure| failure.is_a?(::Minitest::Skip) }
        FailureLadder.add(failed.last, FailureLadder.drawn { sip.ladder }) if failed.any?
      end

      def location
        method(name).source_location.join(":")
      end

      # An error that no line of the user's has raised shows where the test is.
      def failure(error)
        error.set_backtrace([location]) unless error.backtrace || error.frozen?
        error.is_a?(::Minitest::Assertion) ? error : ::Minitest::UnexpectedError.new(error)
      end
    end
  end
end
