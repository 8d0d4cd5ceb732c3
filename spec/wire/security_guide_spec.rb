# frozen_string_literal: true

require_relative "../support/command"

# docs/security.md has a command that tries a server for being an open relay.
RSpec.describe "The command of the guide to security", :native do
  # What it prints about the server of this process.
  def tried
    guide = File.read(File.join(Command::ROOT, "docs/security.md"))
    command = guide[/^```sh\n(ruby - .*?)^```/m, 1].sub("192.0.2.1 5060", "127.0.0.1 #{oversip_port}").sub("ruby", RbConfig.ruby)
    output, status = Open3.capture2e("sh", "-c", command)
    expect(status).to be_success
    output.lines(chomp: true)
  end

  def start(**sip)
    start_oversip(configuration: { sip: { flow_token_key: "a key of sixteen bytes or more", **sip } }) do |request|
      next request.reply(404) unless request.loose_route || yield(request)

      OverSIP::SIP::Proxy.new.route(request)
    end
  end

  it "finds an open relay" do
    start(&:initial?)
    expect(tried).to eq(["a request inside a dialog: SENT ON to a third party", "a request that begins one: SENT ON to a third party"])
  end

  it "finds that requests inside a dialog alone are relayed" do
    start { false }
    expect(tried).to eq(["a request inside a dialog: SENT ON to a third party", "a request that begins one: not sent on, SIP/2.0 404 Not Found"])
  end

  it "says how a server refuses" do
    start(require_own_route: true) { false }
    expect(tried).to eq(["a request inside a dialog: not sent on, SIP/2.0 403 Route Shows No Code for This Dialog",
                         "a request that begins one: not sent on, SIP/2.0 404 Not Found"])
  end
end

RSpec.describe "The script of the guide to security that forbids destinations", :native do
  let(:alice) { udp_peer }
  let(:bob) { udp_peer }

  before do
    guide = File.read(File.join(Command::ROOT, "docs/security.md"))
    start_oversip(configuration: { sip: { enable_ipv6: true, listen_ipv6: "::1" } }) { nil }
    Module.new.module_eval(guide[/^## Forbidden destinations.*?^```ruby\n(.*?)^```/m, 1])
  end

  def expect_refused(ruri, **options)
    alice.send_text(alice.build(:MESSAGE, ruri, **options), oversip_port)
    expect(alice.receive_final.first_line).to eq("SIP/2.0 403 Destination Aborted")
    expect(messages_at(bob)).to be_empty
  end

  it "refuses them however they are named" do
    expect_refused("sip:bob@#{bob.address}")
    expect_refused("sip:bob@harmless.example:#{bob.port};maddr=127.0.0.1")
    expect_refused("sip:bob@harmless.example", headers: { "Route" => "<sip:#{bob.address};lr>" })
    expect_refused("sip:bob@harmless.example", headers: { "Route" => "<sip:harmless.example:#{bob.port};maddr=127.0.0.1;lr>" })
    expect_refused("sip:bob@harmless.example:#{bob.port};maddr=[::1]")
    expect_refused("sip:bob@harmless.example:#{bob.port};maddr=[::ffff:127.0.0.1]")
  end
end
