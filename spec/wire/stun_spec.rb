# frozen_string_literal: true

# RFC 5626 4.4.2: clients keep their UDP flow alive with STUN, sent to the SIP port.
RSpec.describe "A STUN Binding request to the UDP listener", :native do
  let(:request) { "\x00\x01\x00\x00\x21\x12\xA4\x42ABCDEFGHIJKL".b }
  let(:client) { UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) } }

  after { client.close }

  def answer
    client.wait_readable(SipPeer::LIMIT) or raise "no answer"
    client.recvfrom(2000).first
  end

  it "is answered with the address and port that the server sees" do
    port = start_oversip
    client.send(request, 0, "127.0.0.1", port)
    type, length, cookie, id, attribute, _, family, masked_port, masked_ip = answer.unpack("nnNa12nnnnN")
    expect([type, length, cookie, id, attribute, family]).to eq [0x0101, 12, 0x2112A442, "ABCDEFGHIJKL", 0x0020, 1]
    expect([masked_port ^ 0x2112, masked_ip ^ 0x2112A442]).to eq [client.addr[1], 0x7F000001]
  end

  # RFC 5389 7.3.1
  it "gets 420 and a list of the unknown comprehension-required attributes" do
    client.send(request + "\x00\x24\x00\x04\x6e\x7f\x1e\xff".b, 0, "127.0.0.1", start_oversip)
    type, _, _, id, error, _, code, _, list, size, unknown = answer.unpack("nnNa12nnNa20nnn")
    expect([type, id, error, code, list, size, unknown]).to eq([0x0111, "ABCDEFGHIJKL", 9, (4 << 8) | 20, 10, 4, 0x24])
  end

  it "does not reach the script, and other requests than Binding get no answer" do
    seen = mailbox
    port = start_oversip { |request| seen << request.sip_method }
    ["\0", "\0\x11#{request[2..]}", request[0, 19], request].each { |bytes| client.send(bytes, 0, "127.0.0.1", port) }
    expect(answer.bytesize).to eq 32
    expect(client.wait_readable(0)).to be_nil
    expect(seen).to be_empty
  end
end
