# frozen_string_literal: true

require_relative "../support/ports"

RSpec.describe "OverSIP.stop", :native do
  it "gives the ports back: the next start can have them at once" do
    port = Ports.free
    alice = udp_peer
    caller = nil
    3.times do
      start_oversip(configuration: { sip: { listen_port: port } }) { |request| request.reply(204) }
      caller = tcp_peer
      [alice, caller].each do |peer|
        call_from(peer, :OPTIONS)
        expect(peer.receive_final.status).to eq(204)
      end
      OverSIP.stop(timeout: 0)
      # Whoever closes first keeps the address busy for a while in TCP; the server has to get over that too.
      expect(caller).to be_closed_by_peer
    end
  end
end
