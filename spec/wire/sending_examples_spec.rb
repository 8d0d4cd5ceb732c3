# frozen_string_literal: true

require_relative "../support/child_script"

# The examples that wait for one answer, as a user runs them: whatever comes, they end.
RSpec.describe "examples/uac", :native do
  include ChildScript

  let(:peer) { udp_peer }

  def running_example(name, uri)
    script = Command::Running.new([RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"), File.join(Command::ROOT, "examples/uac", name), uri])
    yield script
  ensure
    script&.kill
  end

  describe "options.rb" do
    [200, 404, 503].each do |status|
      it "prints a #{status}" do
        running_example("options.rb", "sip:#{peer.address}") do |script|
          peer.answer(peer.receive, status, "Said So")
          expect(end_of(script).first).to eq("#{status} Said So\n")
        end
      end
    end

    it "reports a missing answer" do
      running_example("options.rb", "sip:127.0.0.1:#{dead_port}") do |script|
        expect(end_of(script).first).to end_with("not sent or not answered: 500 Connection Error (connection_error)\n")
      end
    end
  end

  describe "call.rb" do
    it "calls, acknowledges and hangs up along the recorded route" do
      running_example("call.rb", "sip:bob@#{peer.address}") do |script|
        invite = peer.receive
        peer.answer(invite, 180, "Ringing")
        peer.answer(invite, 200, "OK", headers: { "Record-Route" => "<sip:#{peer.address};lr>", "Contact" => "<sip:bob@callee.example>" })
        ack, bye = Array.new(2) { peer.receive }
        expect([ack, bye].map { |request| [request.method_name, request.ruri, request.header("Route")] })
          .to eq(%w[ACK BYE].map { |method| [method, "sip:bob@callee.example", "<sip:#{peer.address};lr>"] })
        expect(bye.header("From")).to eq(invite.header("From"))
        expect(bye.header("CSeq").to_i).to eq(invite.header("CSeq").to_i + 1)
        peer.answer(bye, 200, "OK")
        output, status = end_of(script)
        expect(output.scan(/^ *(\w+)  (\S+)/)).to eq([%w[sent INVITE], %w[provisional 180], %w[success 200], %w[sent ACK], %w[sent BYE], %w[success 200]])
        expect(status).to be_success
      end
    end

    it "ends when the call is refused" do
      running_example("call.rb", "sip:bob@#{peer.address}") do |script|
        peer.answer(peer.receive, 486, "Busy Here")
        output, = end_of(script)
        expect(output).to end_with("    failure  486 Busy Here to INVITE\n")
      end
    end

    it "ends when no answer comes" do
      running_example("call.rb", "sip:bob@127.0.0.1:#{dead_port}") do |script|
        expect(end_of(script).first).to end_with("      error  500 Connection Error (connection_error) to INVITE\n")
      end
    end
  end
end
