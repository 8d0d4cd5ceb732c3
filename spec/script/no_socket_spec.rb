# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tempfile"
require_relative "../support/command"

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

  # `bin/setup` installs strace: without it this example fails, for nothing else shows the same.
  it "ask the system for no socket" do
    Tempfile.create("calls") do |calls|
      trace = %w[strace -f -qq -e trace=socket,socketpair,bind,connect,listen,accept,accept4 -o] + [calls.path]
      examples = %w[-S rspec spec/script/starter spec/script/relay]
      output, status = Open3.capture2e(*trace, RbConfig.ruby, *examples, chdir: Command::ROOT)
      expect([status.success?, output]).to match([true, /^\d{2,} examples, 0 failures/])
      expect(File.read(calls.path).lines.grep(/AF_|SOCK_/)).to be_empty
    end
  end

  it "run in a namespace without an interface" do
    command = ["unshare", "--net", RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"), "-e", program]
    output, errors, status = Open3.capture3(*command)
    skip "no namespace can be made here" if !status.success? && errors.include?("unshare")
    expect(output).to eq("200"), errors
  end
end
