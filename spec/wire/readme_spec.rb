# frozen_string_literal: true

require_relative "../support/child_script"
require_relative "../support/ports"

# The scripts of the README as they are printed, but for their port numbers and seconds.
RSpec.describe "The README's scripts", :native do
  include ChildScript

  let(:code) { File.read(File.join(Command::ROOT, "README.md")).scan(/```ruby\n(.*?)```/m).flatten }
  let(:scripts) { code.select { |text| text.start_with?("require \"oversip\"\n") } }
  let(:blocks) { code.fetch(1) }
  let(:relay_port) { Ports.free }

  def relay_script(target)
    scripts.fetch(1).sub("5090", target.to_s)
           .sub("OverSIP.run ", "OverSIP.run(configuration: { sip: { listen_port: #{relay_port} } }) { puts 'listens' } ")
  end

  it "have the length that the headings promise" do
    expect(scripts.map { |script| script.lines.size }).to eq([10, 15])
  end

  # The first script, with blocks as the README shows them, or without.
  def sending_script(port, blocks: false)
    script = scripts.first.sub("5060", port.to_s)
    blocks ? script.sub(/^  response = .*?\n  puts .*?\n/, self.blocks) : script
  end

  it "send an OPTIONS through the relay to a peer" do
    callee = udp_peer
    running_script(relay_script(callee.port)) do |relay|
      relay.wait_for(/^listens$/)
      running_script(sending_script(relay_port)) do |caller|
        callee.answer(callee.receive, 200, "OK")
        expect(end_of(caller).first).to eq("200\n")
      end
      relay.wait_for(/\[user\] sip:127.0.0.1:#{relay_port} answered 200/)
      relay.signal("INT")
      expect(end_of(relay).last).to be_success
    end
  end

  it "end when no answer comes in time" do
    callee = udp_peer
    expect(run_script(sending_script(callee.port).sub("timeout: 5", "timeout: 0.5")).first).to match(/^408 /)
  end

  { "by call" => false, "with blocks" => true }.each do |way, blocks|
    it "say #{way} why an OPTIONS could not be sent" do
      expect(run_script(sending_script(dead_port, blocks: blocks)).first).to match(/^500 Connection Error$/)
    end

    [200, 302, 404, 503, 603].each do |status|
      it "print #{way} that an OPTIONS was answered #{status}" do
        callee = udp_peer
        running_script(sending_script(callee.port, blocks: blocks)) do |caller|
          callee.answer(callee.receive, status)
          expect(end_of(caller).first).to eq("#{status}\n")
        end
      end
    end
  end
end
