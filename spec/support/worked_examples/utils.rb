# frozen_string_literal: true

# Utils, STUN and names of headers.
WorkedExamples.group do
  { "p-foo_BAR" => "P-Foo_Bar", "i" => "Call-ID", "I" => "Call-ID", "z" => "z", "Z" => "z",
    "www-AUTHENTICATE" => "WWW-Authenticate", "rSEQ" => "Rseq" }.each do |name, canonical|
    row("headerize(#{name})", canonical) { OverSIP::SIP::MessageParser.headerize(name) }
  end
  row "ip_type", [:ipv6, :ipv6_reference, false] do
    ["::FFFF:10.0.0.1", "[::2]", "10.0.0.256"].map { |text| OverSIP::Utils.ip_type(text) }
  end
  row "compare_ips, compare_pure_ips", [true, nil, nil] do
    [OverSIP::Utils.compare_ips("[fd00::0:5]", "FD00::5"), OverSIP::Utils.compare_pure_ips("[fd00::0:5]", "FD00::5"),
     OverSIP::Utils.compare_ips("h", "10.0.0.1")]
  end
  row "normalize_ipv6", ["[fd00::5]", "fd00::5", false] do
    [OverSIP::Utils.normalize_ipv6("[FD00:0::05]"), OverSIP::Utils.normalize_ipv6("[FD00:0::05]", true),
     OverSIP::Utils.normalize_ipv6("10.0.0.1")]
  end
  row "parse_outbound_udp_flow_token", [[:ipv6, "fd00::5", 5070], false, [:ipv4, "10.0.0.1", 70]] do
    %w[fd00::5_5070 10.0.0.1_0 10.0.0.1_0070].map { |text| OverSIP::Utils.parse_outbound_udp_flow_token(text) }
  end
  row "parse_haproxy_protocol", [40, :ipv4, "10.0.0.1", 4000] do
    OverSIP::Utils.parse_haproxy_protocol("PROXY TCP4 10.0.0.1 10.0.0.2 4000 5061\r\nREGI")
  end
  row("regexp_compare with options", 1, note: "they count") { OverSIP::Utils.regexp_compare("xAy", /a/i) }
  row "Stun.parse_request", "0101000c2112a4424142434445464748494a4b4c00200008000132d62b13a641", note: "masked as RFC 5389 15.2 says" do
    request = ["000100002112a442"].pack("H*") << "ABCDEFGHIJKL"
    OverSIP::Stun.parse_request(request, "10.1.2.3", 5060).unpack1("H*")
  end
  row "Stun.parse_request of RFC 3489", "0101000c5758595a4142434445464748494a4b4c00010008000113c40a010203" do
    request = ["00010000"].pack("H*") << "WXYZABCDEFGHIJKL"
    OverSIP::Stun.parse_request(request, "10.1.2.3", 5060).unpack1("H*")
  end
  row "what is no STUN, what is too short", [nil, false] do
    ["INVITE sip:a@b SIP/2.0", "\0\1\0"].map { |data| OverSIP::Stun.parse_request(data, "10.1.2.3", 5060) }
  end
end
