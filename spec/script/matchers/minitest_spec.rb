# frozen_string_literal: true

require_relative "../../support/inner_rspec"

RSpec.describe "oversip/minitest" do
  test = <<~'RUBY'
    require "minitest/autorun"
    require "oversip/minitest"

    class ServerTest < Minitest::Test
      include OverSIP::Testing::Minitest
      world { |request| answer(request) }

      def answer(request)
        return request.reply(@status || 200) if request.ruri.user == "bob"

        assert_equal "bob", request.ruri.user
      end

      def test_that_passes
        @status = 486
        assert_equal 486, sip.client(:alice).options("sip:bob@example.com").status
      end

      def test_with_a_wrong_status
        assert_equal 486, sip.client(:alice).options("sip:bob@example.com").status
      end

      def test_that_is_skipped = skip("later")

      def test_that_fails_before_anything = assert_equal(1, 2)

      def test_with_an_assertion_in_a_block
        sip.client(:alice).options("sip:carol@example.com")
      end
    end

    class InnerTest < ServerTest
      world { |request| raise "no such thing" }

      ServerTest.public_instance_methods(false).grep(/\Atest_/).each { |name| undef_method(name) }

      def test_of_what_the_script_raises
        sip.client(:alice).options("sip:bob@example.com")
      end
    end
  RUBY

  bare = <<~'RUBY'
    require "minitest/autorun"
    require "oversip/minitest"

    class BareTest < Minitest::Test
      include OverSIP::Testing::Minitest

      def test_nothing = nil
    end
  RUBY

  outcome = nil
  before(:context) { outcome = InnerRspec.run_ruby({ "server_test.rb" => test }, "server_test.rb") }

  it "runs each test in a world of its own" do
    expect(outcome.output).to include("6 runs").and include("3 failures, 1 errors, 1 skips")
  end

  it "shows the ladder below a failure" do
    expect(outcome.output).to match(/ServerTest#test_with_a_wrong_status.*\nExpected: 486\n +Actual: 200\n.*alice +oversip.*OPTIONS/m)
  end

  it "shows none below a failure before anything has happened, and none for a skip" do
    expect(outcome.output).to match(/Expected: 1\n +Actual: 2\n\n/)
    expect(outcome.output).not_to include("nothing has happened")
  end

  it "fails a test by an assertion in a block" do
    expect(outcome.output).to match(/ServerTest#test_with_an_assertion_in_a_block.*\nExpected: "bob"\n +Actual: "carol"/)
  end

  it "says that a script is needed" do
    expect(InnerRspec.run_ruby({ "bare_test.rb" => bare }, "bare_test.rb").output).to include("the test has no script: say `world script:")
  end

  it "fails a test by what the script raises" do
    expect(outcome.output).to match(/InnerTest#test_of_what_the_script_raises:\nRuntimeError: no such thing/)
  end
end
