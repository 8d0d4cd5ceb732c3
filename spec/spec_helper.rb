# frozen_string_literal: true

require "rbconfig"

root = File.expand_path("..", __dir__)
lib = File.join(root, "lib")
$LOAD_PATH.unshift(lib) unless $LOAD_PATH.include?(lib)

# The parts that are Ruby alone can be tested before the extension is compiled.
NATIVE = File.exist?(File.join(lib, "oversip_rs", RbConfig::CONFIG["ruby_version"], "oversip_rs.#{RbConfig::CONFIG["DLEXT"]}"))
require_relative "support/without_native" unless NATIVE

require "oversip"
require_relative "support/log_capture"
require_relative "support/relay"
require_relative "support/calls"
# Before the examples: helpers that are included later would hide what a group has of its own.
%w[callbacks dialogs digest_challenger events scripted_dns tls_peer websocket_peer zone_targets].each do |name|
  require_relative "support/#{name}"
end
require_relative "support/events"

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.expect_with(:rspec) { |expectations| expectations.syntax = :expect }
  config.mock_with(:rspec) { |mocks| mocks.verify_partial_doubles = true }
  config.order = :random
  Kernel.srand(config.seed)

  config.include LogCapture

  # What needs the engine cannot run without it.
  config.filter_run_excluding(:native) unless NATIVE

  # What an example registers and starts must not reach the next one.
  config.around do |example|
    lists = %i[on_started_callbacks on_reload_callbacks on_terminated_callbacks].map { |name| OverSIP::SystemCallbacks.public_send(name) }
    before = lists.map(&:dup)
    example.run
  ensure
    lists.zip(before) { |list, callbacks| list.replace(callbacks) }
  end

  config.after do
    OverSIP.stop(timeout: 0) if OverSIP.running?
    OverSIP.configuration = nil
  end
end
