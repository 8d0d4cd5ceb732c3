# frozen_string_literal: true

require_relative "../../support/inner_rspec"

# Tests as larger projects have them: helpers in a module, files beside the test, threads.
RSpec.describe "oversip/minitest, in a project" do
  server = <<~'RUBY'
    def (OverSIP::SipEvents).on_request(request)
      raise ArgumentError, "no such user" if request.ruri.user == "broken"

      request.ruri.user == "lost" ? OverSIP::SIP::Proxy.new.route(request, "192.0.2.77") : request.reply(486)
    end
  RUBY

  test = <<~'RUBY'
    require "minitest/autorun"
    require "oversip/minitest"

    module SipHelpers
      include OverSIP::Testing::Minitest

      def status_of(user) = sip.client(:alice).options("sip:#{user}@example.com").status
    end

    class ServerTest < Minitest::Test
      include SipHelpers
      parallelize_me!
      world script: "server.rb"

      5.times { |number| define_method(:"test_busy_#{number}") { assert_equal 486, status_of("bob") } }

      def test_that_leaves_a_world_open
        sip.close
        OverSIP::Testing::World.open { |request| request.reply 200 }
      end
    end

    class FailingTest < Minitest::Test
      include SipHelpers
      world script: "server.rb"

      def test_lost
        status_of("lost")
      end

      def test_broken
        status_of("broken")
      end
    end
  RUBY

  outcome = nil
  before(:context) { outcome = InnerRspec.run_ruby({ "app/server.rb" => server, "app/test/sip_test.rb" => test }, "app/test/sip_test.rb") }

  it "finds files beside the test, takes helpers of a module, and runs threads one after the other" do
    expect(outcome.output).to include("8 runs, 5 assertions, 0 failures, 3 errors, 0 skips")
  end

  it "says where a world was left open" do
    expect(outcome.output).to match(/the world that was opened at .*sip_test\.rb:19 was left open/)
  end

  it "shows lines of the user alone" do
    expect(outcome.output).to match(/UnexpectedDestination.*\n(?:.*\n)*? +\S*sip_test\.rb:27$/)
    expect(outcome.output).to match(/ArgumentError: no such user\n(?:.*\n)*? +\S*server\.rb:2/)
    expect(outcome.output).not_to match(%r{lib/oversip/(?:dispatcher|testing|minitest)})
  end
end
