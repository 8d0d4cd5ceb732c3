# frozen_string_literal: true

RSpec.describe OverSIP::Stun, :native do
  def parse(data, ip = "10.1.2.3", port = 5060)
    described_class.parse_request(data, ip, port)
  end

  let(:request) { "\x00\x01\x00\x00\x21\x12\xA4\x42ABCDEFGHIJKL".b }

  it "tells the client its address and port, masked as RFC 5389 has it" do
    expect(parse(request).unpack1("H*")).to eq "0101000c2112a4424142434445464748494a4b4c00200008000132d62b13a641"
    expect(parse(request).encoding).to eq Encoding::BINARY
  end

  it "masks an IPv6 address with cookie and transaction id" do
    answer = parse(request, "2001:db8::1", 5060)
    port, address = answer.unpack("x26na*")
    mask = request.byteslice(4, 16)
    expect([answer.bytesize, answer.unpack("x20n2Cn")]).to eq [44, [0x20, 20, 0, (2 << 8) | 0x32]]
    expect(port ^ 0x2112).to eq 5060
    expect(address.bytes.zip(mask.bytes).map { |a, b| a ^ b }.pack("C*")).to eq IPAddr.new("2001:db8::1").hton
  end

  it "answers a client of RFC 3489 in its form" do
    old = request.sub("\x21\x12\xA4\x42".b, "WXYZ")
    expect(parse(old).unpack1("H*")).to eq "0101000c5758595a4142434445464748494a4b4c00010008000113c40a010203"
  end

  it "returns nil for data that is not STUN, before any other check" do
    expect(described_class.parse_request("INVITE sip:a@b SIP/2.0", nil, nil)).to be_nil
  end

  it "returns false for short messages and for other requests than Binding" do
    expect([parse(""), parse("\0\1\0"), parse(request[0, 19]), parse("\0\x11#{request[2..]}")]).to all be(false)
    expect(described_class.parse_request("\0\1", nil, nil)).to be false
  end

  it "answers false where the source is no plain address" do
    expect([parse(request, "[::1]"), parse(request, "h.example"), parse(request, "")]).to all be(false)
  end

  it "says which argument is wrong" do
    expect { parse(:sym) }
      .to raise_error(TypeError, "First argument must be a String containing the STUN Binding Request")
    expect { parse(request, 1) }.to raise_error(TypeError, "Third argument must be a String containing the source IP")
    expect { parse(request, "::1", "x") }
      .to raise_error(TypeError, "Fourth argument must be a Fixnum containing the source port")
    expect { parse(request, "::1", 65_536) }.to raise_error(RangeError)
  end
end
