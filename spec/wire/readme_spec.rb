# frozen_string_literal: true

require_relative "../support/child_script"
require_relative "../support/ports"

# The two scripts of the README as they are printed, but for their port numbers.
RSpec.describe "The README's scripts", :native do
  include ChildScript

  let(:scripts) { File.read(File.join(Command::ROOT, "README.md")).scan(/```ruby\n(.*?)```/m).flatten }
  let(:relay_port) { Ports.free }

  def relay_script(target)
    scripts.fetch(1).sub("5090", target.to_s)
           .sub("OverSIP.run ", "OverSIP.run(configuration: { sip: { listen_port: #{relay_port} } }) { puts 'listens' } ")
  end

  it "have the length that the headings promise" do
    expect(scripts.map { |script| script.lines.size }).to eq([10, 15])
  end

  it "send an OPTIONS through the relay to a peer" do
    callee = udp_peer
    running_script(relay_script(callee.port)) do |relay|
      relay.wait_for(/^listens$/)
      running_script(scripts.first.sub("5060", relay_port.to_s)) do |caller|
        callee.answer(callee.receive, 200, "OK")
        expect(end_of(caller).first).to eq("200\n")
      end
      relay.wait_for(/\[user\] sip:127.0.0.1:#{relay_port} answered 200/)
      relay.signal("INT")
      expect(end_of(relay).last).to be_success
    end
  end

  it "say why an OPTIONS could not be sent" do
    expect(run_script(scripts.first.sub("5060", dead_port.to_s)).first).to match(/^500 Connection Error$/)
  end
end
