# frozen_string_literal: true

require "tmpdir"
require "oversip/rspec"
require "oversip/starter"

# The folder that `oversip init` writes, for examples that run its script in a simulated world.
module StarterScript
  FOLDER = Dir.mktmpdir("oversip-starter")
  OverSIP::Starter.new(FOLDER).write
  # The same key in each process makes the same flow tokens.
  configuration = File.join(FOLDER, "oversip.conf")
  File.write(configuration, File.read(configuration).sub(/flow_token_key: \K.*/, "a key that is the same in each process"))
  maker = Process.pid
  at_exit { FileUtils.rm_rf(FOLDER) if Process.pid == maker }

  # Metadata of an example group.
  FILES = { script: "#{FOLDER}/server.rb", configuration: "#{FOLDER}/oversip.conf", proxies: "#{FOLDER}/proxies.conf" }.freeze
end

RSpec.shared_context "with the starter" do
  let(:alice) { sip.client(:alice) }
  let(:home) { sip.target("127.0.0.1", port: 5070) }
  # Behind a NAT: its Via and Contact have a private address.
  let(:bob) { sip.client(:bob, behind_nat: true) }

  # The home server is there before somebody calls.
  before { home }

  # Registers a client at the home server.
  #
  # @return [Array<String>] the Path of the registration
  def path_of(client, **options)
    expect(client.register(**options)).to be_answered
    home.received.last.headers("Path")
  end

  # The home server sends a request to a client's Contact, as it was registered.
  def from_home(sip_method, client, **options)
    path = path_of(client)
    contact = home.received.last.header("Contact")[/<(.+)>/, 1]
    headers = { "Route" => path }
    sip_method == :INVITE ? home.invite(contact, headers:, **options) : home.request(sip_method, contact, headers:, **options)
  end
end
