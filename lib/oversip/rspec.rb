# frozen_string_literal: true

require "rspec/core"
require "rspec/expectations"
require "oversip/testing/world"
require "oversip/rspec/let_memory"
require "oversip/testing/arguments"
require "oversip/testing/example_block"
require "oversip/testing/example_files"
require "oversip/testing/failure_ladder"
require "oversip/rspec/matchers"
require "oversip/rspec/examples"
require "oversip/rspec/example_run"

RSpec.configure do |config|
  config.include OverSIP::Testing::Examples, :sip

  config.backtrace_exclusion_patterns << %r{/lib/oversip/(?:dispatcher|rspec|testing|waiting)(?:/|\.rb)}

  config.before(:suite) do
    RSpec.configuration.reporter.register_listener(OverSIP::Testing::FailureLadder, :example_finished)
  end

  config.around(:each, :sip) { |example| OverSIP::Testing::ExampleRun.new(example, self).run }
end
