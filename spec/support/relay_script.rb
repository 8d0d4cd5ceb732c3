# frozen_string_literal: true

require "oversip/rspec"

# examples/relay, for examples that run it in a simulated world.
module RelayScript
  FOLDER = File.expand_path("../../examples/relay", __dir__)

  # Metadata of an example group.
  FILES = { script: "#{FOLDER}/server.rb", configuration: "#{FOLDER}/oversip.conf", proxies: "#{FOLDER}/proxies.conf" }.freeze
end

RSpec.shared_context "with the relay of examples/relay" do
  let(:alice) { sip.client(:alice) }
  # Where the relay sends initial requests.
  let(:bob) { sip.target("127.0.0.1", port: 5090) }
  # Where it sends those for the user "failover" before.
  let(:first) { sip.target("127.0.0.1", port: 5091, transport: :tcp) }

  before { bob }
end
