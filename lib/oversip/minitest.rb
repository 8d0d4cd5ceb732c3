# frozen_string_literal: true

require "minitest"
require "oversip/testing/example_block"
require "oversip/testing/failure_ladder"
require "oversip/testing/world"

module OverSIP
  module Testing
    # A World for each test of a `Minitest::Test`. What the script raises, and requests to targets that nobody plays, fail
    # the test; the ladder of what happened stands under the failure.
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
        # How the World of each test is opened.
        #
        # @param options [Hash] of {World.open}
        # @yieldparam request [SIP::Request] `on_request` without a file; evaluated in the test
        def world(**options, &on_request)
          @sip_options = options
          @sip_on_request = on_request
        end

        # @return [Array(Hash, Proc)]
        # @api private
        def sip_world
          return [@sip_options, @sip_on_request] if @sip_options

          superclass.respond_to?(:sip_world) ? superclass.sip_world : [{}, nil]
        end
      end

      # @api private
      def self.included(group)
        super
        group.extend(Groups)
      end

      # @return [World] of this test
      attr_reader :sip

      # @api private
      def before_setup
        options, on_request = self.class.sip_world
        raise ArgumentError, NO_SCRIPT unless options[:script] || on_request

        @sip = World.open(**options, &(on_request && ExampleBlock.new(self, on_request)))
        super
      end

      # @api private
      def after_teardown
        super
      ensure
        fail_by_world if sip
      end

      private

      # Its end may fail, too.
      def fail_by_world
        sip.close
        noted = failures.map { |failure| failure.is_a?(::Minitest::UnexpectedError) ? failure.error : failure }
        errors = sip.errors.reject { |error| noted.any? { |other| other.equal?(error) } }
        failures.concat(errors.map { |error| failure(error) })
        failed = failures.reject { |failure| failure.is_a?(::Minitest::Skip) }
        FailureLadder.add(failed.last, FailureLadder.drawn { sip.ladder }) if failed.any?
      end

      def failure(error)
        error.is_a?(::Minitest::Assertion) ? error : ::Minitest::UnexpectedError.new(error)
      end
    end
  end
end
