# frozen_string_literal: true

require "support/toolkit_world"

# What fails an example: nothing is swallowed, nothing leaves for where nobody is.
RSpec.describe OverSIP::Testing::World, :native do
  include ToolkitWorld

  it "names a message to where nobody is" do
    open_world { |request| OverSIP::SIP::Proxy.new.route(request, "192.0.2.9", 5080, :udp) }
    alice.message "sip:bob@example.com"
    expect(error_texts).to eq(["the MESSAGE of alice (call-alice-1) went to udp:192.0.2.9:5080, where nobody is: name a persona there with " \
                               "target(\"192.0.2.9\", port: 5080, transport: :udp), or say allow_unknown_destinations"])
    expect(world.errors).to all(be_a(OverSIP::Testing::World::UnexpectedDestination).and(have_attributes(target: "udp:192.0.2.9:5080")))
    expect { world.verify! }.to raise_error(OverSIP::Testing::World::UnexpectedDestination)
  end

  it "says how an address of IPv6 gets a persona" do
    open_world { |request| OverSIP::SIP::Proxy.new.route(request, "2001:db8::9", 5080, :udp) }
    alice.message "sip:bob@example.com"
    expect(error_texts.first).to include('target("2001:db8::9", port: 5080, transport: :udp)')
    expect(world.target("2001:db8::9", port: 5080, transport: :udp).address).to eq("[2001:db8::9]:5080")
  end

  it "names a connection to where nobody is, and who is there otherwise" do
    world_with "gw1.example", service: "_sip._tcp.example.com"
    world.zone { naptr "example.com", "SIP+D2T", "_sip._tcp.example.com" }
    world.target("gw1.example", transport: :udp)
    alice.options "sip:bob@example.com"
    expect(error_texts).to match([start_with("a connection went to tcp:192.0.2.1:5060, where nobody is (gw1.example of this host")])
  end

  it "says so once for each place, and not when it is allowed" do
    open_world { |request| OverSIP::SIP::Proxy.new.route(request, "192.0.2.9", 5080, :udp) }
    2.times { alice.options "sip:bob@example.com" }
    expect(world.errors.size).to eq(1)
    world.allow_unknown_destinations
    expect(world.errors).to be_empty
  end

  it "does not take a target that refuses for nobody" do
    world_with "gw1.example"
    gateway.refuses_connections
    expect(alice.options("sip:bob@example.com").status).to eq(500)
    expect(world.errors).to be_empty
  end

  it "keeps what a block of the script raises, as it was raised" do
    error = KeyError.new("no such key")
    open_world { |_| raise error }
    expect(alice.options.status).to eq(500)
    expect(world.errors).to match([equal(error)])
    expect(world.blocks.map(&:exception)).to match([equal(error)])
  end

  it "keeps a failed expectation of a block" do
    open_world do |request|
      request.reply 200
      expect(1).to eq(2)
    end
    alice.options
    expect(world.errors).to match([an_instance_of(RSpec::Expectations::ExpectationNotMetError)])
  end

  it "keeps what a block of a persona raises, and the persona stays silent" do
    world_with "gw1.example"
    gateway.answers { raise "no answer" }
    expect(alice.options("sip:bob@example.com").status).to be_nil
    expect(error_texts).to eq(["no answer"])
  end

  it "lets through what ends a process" do
    world_with "gw1.example"
    gateway.answers { exit 3 }
    expect { alice.options "sip:bob@example.com" }.to raise_error(SystemExit)
  end

  it "allows an error that is expected" do
    world.expect_script_error KeyError, /such/
    open = world
    expect(error_texts).to eq(["the script was expected to raise KeyError /such/, and did not"])
    allow(self).to receive(:relay).and_raise(KeyError, "no such key")
    alice.options
    expect(open.errors).to be_empty
  end

  it "allows an error by its text alone" do
    world.expect_script_error(/such/)
    allow(self).to receive(:relay).and_raise(KeyError, "no such key")
    alice.options
    expect(world.errors).to be_empty
  end

  it "lets a request that is too large for UDP try TCP, where a target has none" do
    world_with "gw1.example"
    gateway.answers 200
    expect(alice.message("sip:bob@example.com", "x" * 1300).status).to eq(200)
    expect([world.errors, gateway.received.size]).to eq([[], 1])
  end

  it "ends what goes on without end at one instant, and names the block" do
    open_world do |request|
      again = -> { OverSIP.schedule(&again) }
      again.call
      request.reply 200
    end
    expect { alice.options }.to raise_error(OverSIP::RuntimeError, /\A100000 things have happened at 0\.0 s, and it goes on without end: .*failures_spec\.rb:\d+/)
  end

  it "keeps what on_terminated raises at the close" do
    open_world(script: script("def (OverSIP::SystemEvents).on_terminated(error) = raise(\"late \#{error}\")"))
    world.close
    expect(error_texts).to eq(["late false"])
  end
end
