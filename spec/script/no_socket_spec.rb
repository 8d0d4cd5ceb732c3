# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tempfile"

# An example of a script opens no socket: the system's calls are counted, and it works where there is no network at all.
RSpec.describe "Examples of scripts and the network" do
  program = <<~'RUBY'
    require "oversip/testing/world"

    world = OverSIP::Testing::World.open do |request|
      request.loose_route if request.in_dialog?
      proxy = OverSIP::SIP::Proxy.new
      request.in_dialog? ? proxy.route(request) : proxy.route(request, "gw.example", nil, :tcp)
    end
    world.zone { a "gw.example", "192.0.2.7" }
    world.target("gw.example", transport: :tcp).answers(180, 200)
    call = world.client(:alice).invite("sip:bob@example.com")
    call.hang_up
    print call.status
    world.close
  RUBY

  define_method(:run) do |*before|
    Open3.capture3(*before, RbConfig.ruby, "-I", File.expand_path("../../lib", __dir__), "-e", program)
  end

  it "ask the system for no socket" do
    Tempfile.create("calls") do |calls|
      output, errors, = run("strace", "-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", calls.path)
      expect(output).to eq("200"), errors
      expect(File.read(calls.path)).to eq("")
    end
  rescue Errno::ENOENT
    skip "strace is not installed"
  end

  it "run in a namespace without an interface" do
    output, errors, status = run("unshare", "--net")
    skip "no namespace can be made here" if !status.success? && errors.include?("unshare")
    expect(output).to eq("200"), errors
  rescue Errno::ENOENT
    skip "unshare is not installed"
  end
end
