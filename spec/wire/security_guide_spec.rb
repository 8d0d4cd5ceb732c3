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
