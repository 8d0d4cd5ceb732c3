# frozen_string_literal: true

RSpec.describe OverSIP::Config::HttpAddress do
  {
    "127.0.0.1:9464" => ["127.0.0.1", 9464], "[::1]:9464" => ["::1", 9464], ":9464" => ["127.0.0.1", 9464],
    "9464" => ["127.0.0.1", 9464], 9464 => ["127.0.0.1", 9464], "0.0.0.0:1" => ["0.0.0.0", 1], "[::]:1" => ["::", 1]
  }.each do |value, parts|
    it "reads #{value.inspect}" do
      expect(described_class.parse(value)).to eq(parts)
      expect(OverSIP::Config::Validators.http_address(value)).to be(true)
    end
  end

  ["", ":", "localhost:9464", "127.0.0.1", "::1:9464", "[::1]", "127.0.0.1:65536", "127.0.0.1:9464x", "http://127.0.0.1:9464",
   "127.0.0.256:1", nil, 65_536, -1, 1.5, true].each do |value|
    it "refuses #{value.inspect}" do
      expect(OverSIP::Config::Validators.http_address(value)).to be(false)
    end
  end

  it "says what is meant" do
    expect { OverSIP::Config.build(given: { metrics: { listen: "localhost:9464" } }) }
      .to raise_error(OverSIP::ConfigurationError, /metrics\[listen\].*: an address and a port, such as 127.0.0.1:9464/)
    expect { OverSIP::Config.build(given: { core: { control_socket: "a.sock" } }) }
      .to raise_error(OverSIP::ConfigurationError, /core\[control_socket\].*: an absolute path, or no/)
    expect { OverSIP::Config.build(given: { core: { control_socket: true } }) }
      .to raise_error(OverSIP::ConfigurationError, /core\[control_socket\].*: the path of a file, or no/)
    { "/tmp/#{"a" * 103}" => "108 bytes are above the bound: the path of a socket has 107 bytes at most",
      "/tmp/#{"a" * 85}/a.sock" => "the 90 bytes of its folder are above the bound: 89 at most for a socket",
      "/tmp/a\0b" => "it has a NUL byte" }.each do |path, reason|
      expect { OverSIP::Config.build(given: { core: { control_socket: path } }) }
        .to raise_error(OverSIP::ConfigurationError, /core\[control_socket\].*: #{reason}/)
    end
  end

  it "knows what only this machine reaches" do
    expect(%w[127.0.0.1 127.9.9.9 ::1].map { |host| described_class.loopback?(host) }).to all be(true)
    expect(%w[0.0.0.0 :: 192.0.2.1].map { |host| described_class.loopback?(host) }).to all be(false)
  end
end
