# frozen_string_literal: true

RSpec.describe OverSIP::Utils, :native do
  describe ".ip?, .pure_ip? and .ip_type" do
    {
      "10.0.0.1" => [true, true, :ipv4],
      "::FFFF:10.0.0.1" => [true, true, :ipv6],
      "[::2]" => [true, false, :ipv6_reference],
      "10.0.0.256" => [false, false, false],
      "10.0.0.01" => [false, false, false],
      "10.0.0.1 " => [false, false, false],
      "10.0.0.1\0" => [false, false, false],
      "fe80::1%eth0" => [false, false, false],
      "[10.0.0.1]" => [false, false, false],
      "h.example" => [false, false, false],
      "" => [false, false, false]
    }.each do |text, answers|
      it "answer #{answers} for #{text.inspect}" do
        expect([described_class.ip?(text), described_class.pure_ip?(text), described_class.ip_type(text)]).to eq answers
      end
    end

    it "want a String" do
      %i[ip? pure_ip? ip_type to_pure_ip parse_outbound_udp_flow_token parse_haproxy_protocol].each do |function|
        expect { described_class.public_send(function, :sym) }.to raise_error(TypeError, "Argument must be a String")
      end
    end
  end

  describe ".compare_ips and .compare_pure_ips" do
    {
      ["[fd00::0:5]", "FD00::5"] => [true, nil],
      ["fd00::0:5", "FD00::5"] => [true, true],
      ["10.0.0.1", "10.0.0.2"] => [false, false],
      ["::ffff:10.0.0.1", "10.0.0.1"] => [false, false],
      ["h", "10.0.0.1"] => [nil, nil],
      ["10.0.0.1", ""] => [nil, nil]
    }.each do |pair, answers|
      it "answer #{answers} for #{pair.join(" and ")}" do
        expect([described_class.compare_ips(*pair), described_class.compare_pure_ips(*pair)]).to eq answers
      end
    end

    it "want two Strings" do
      %i[compare_ips compare_pure_ips].each do |function|
        expect { described_class.public_send(function, "::1", 1) }.to raise_error(TypeError, "Arguments must be two String")
        expect { described_class.public_send(function, nil, "::1") }.to raise_error(TypeError, "Arguments must be two String")
      end
    end
  end

  describe ".normalize_ipv6" do
    it "writes IPv6 in one form, tagged BINARY" do
      expect(described_class.normalize_ipv6("[FD00:0::05]")).to eq "[fd00::5]"
      expect(described_class.normalize_ipv6("::FFFF:a00:1")).to eq "::ffff:10.0.0.1"
      expect(described_class.normalize_ipv6("::a00:1")).to eq "::10.0.0.1"
      expect(described_class.normalize_ipv6("::1").encoding).to eq Encoding::BINARY
    end

    it "removes brackets for any true argument, even 0" do
      expect([true, 0, nil, false].map { |pure| described_class.normalize_ipv6("[FD00::5]", pure) })
        .to eq ["fd00::5", "fd00::5", "[fd00::5]", "[fd00::5]"]
    end

    it "answers false for whatever is no IPv6 address, brackets or not" do
      ["[::1x", "[", "[]", "[::1", "]", "[#{"1" * 200}", "10.0.0.1", "", "h.example"].each do |text|
        expect(described_class.normalize_ipv6(text)).to be(false), text.inspect
      end
    end

    it "says which argument is wrong" do
      expect { described_class.normalize_ipv6 }
        .to raise_error(TypeError, "Wrong number of arguments (pass one or two)")
      expect { described_class.normalize_ipv6("::1", true, 1) }
        .to raise_error(TypeError, "Wrong number of arguments (pass one or two)")
      expect { described_class.normalize_ipv6(1) }.to raise_error(TypeError, "First argument must be a String")
      expect { described_class.normalize_ipv6("::1\0") }.to raise_error(ArgumentError, "string contains null byte")
    end
  end

  describe ".normalize_host" do
    it "normalises IPv6 and returns other hosts unchanged" do
      expect(described_class.normalize_host("[FD00::05]", :ipv6_reference)).to eq "[fd00::5]"
      expect(described_class.normalize_host("[FD00::05]", :ipv6, true)).to eq "fd00::5"
      host = "H.Example"
      expect(described_class.normalize_host(host, :domain)).to equal host
    end

    it "says which argument is wrong" do
      count = "Wrong number of arguments (pass one, two or three)"
      symbol = "Second argument must be a Symbol (:ipv4, :ipv6 or :domain)"
      expect { described_class.normalize_host }.to raise_error(TypeError, count)
      expect { described_class.normalize_host("h", :domain, nil, 1) }.to raise_error(TypeError, count)
      expect { described_class.normalize_host(1, :domain) }.to raise_error(TypeError, "First argument must be a String")
      expect { described_class.normalize_host("h") }.to raise_error(TypeError, symbol)
      expect { described_class.normalize_host("h", "domain") }.to raise_error(TypeError, symbol)
    end
  end

  it ".to_pure_ip takes brackets off and gives any other text back" do
    text = "::1"
    expect(described_class.to_pure_ip(text)).to equal text
    expect([described_class.to_pure_ip("[::1]"), described_class.to_pure_ip("[")]).to eq ["::1", ""]
  end

  it ".parse_outbound_udp_flow_token reads address and port" do
    expect(described_class.parse_outbound_udp_flow_token("fd00::5_5070")).to eq [:ipv6, "fd00::5", 5070]
    expect(described_class.parse_outbound_udp_flow_token("10.0.0.1_0070")).to eq [:ipv4, "10.0.0.1", 70]
    ["10.0.0.1_0", "10.0.0.1", "[::1]_5060", "10.0.0.1_5060x", "h_5060", ""].each do |text|
      expect(described_class.parse_outbound_udp_flow_token(text)).to be false
    end
  end

  describe ".parse_haproxy_protocol" do
    it "reads the line, its type by the source address" do
      expect(described_class.parse_haproxy_protocol("PROXY TCP4 10.0.0.1 10.0.0.2 4000 5061\r\nREGI"))
        .to eq [40, :ipv4, "10.0.0.1", 4000]
      expect(described_class.parse_haproxy_protocol("PROXY TCP4 FD00::1 fd00::2 4000 5061\r\n"))
        .to eq [38, :ipv6, "FD00::1", 4000]
    end

    it "answers false for anything else" do
      ["PROXY UNKNOWN\r\n", "PROXY TCP4 10.0.0.1 10.0.0.2 4000 5061", "PROXY TCP4 10.0.0.1  10.0.0.2 4000 5061\r\n",
       "PROXY TCP4 10.0.0.1 10.0.0.2 0 5061\r\n", "INVITE sip:a@b SIP/2.0\r\n", ""].each do |text|
        expect(described_class.parse_haproxy_protocol(text)).to be false
      end
    end
  end

  describe ".string_compare" do
    it "compares bytes of what to_s answers" do
      expect(described_class.string_compare("\u00e9", "\u00e9".b)).to be true
      expect(described_class.string_compare(:a, "a")).to be true
      expect(described_class.string_compare("a", "b")).to be false
    end

    it "takes frozen Strings and nil, and leaves the encodings of its arguments alone" do
      text = "\u00e9"
      expect(described_class.string_compare(text, "\u00e9".dup.freeze)).to be true
      expect(described_class.string_compare(nil, "")).to be true
      expect(text.encoding).to eq Encoding::UTF_8
    end
  end

  describe ".regexp_compare" do
    it "answers the byte position of the match" do
      expect(described_class.regexp_compare("\xFFabc", /b/)).to eq 2
      expect(described_class.regexp_compare("\u00e9b", "b")).to eq 2
      expect(described_class.regexp_compare("x\u00e9", /\u00e9/)).to eq 1
      expect(described_class.regexp_compare("x\u00e9", /é/)).to eq 1
      expect(described_class.regexp_compare("\\u00e9", /\\u00e9/)).to eq 0
      expect(described_class.regexp_compare("abc", /x/)).to be_nil
    end

    it "honours the options of the pattern and takes frozen Strings as they are" do
      text = "xAy"
      expect(described_class.regexp_compare(text, /a/i)).to eq 1
      expect(described_class.regexp_compare("a\nb", /a.b/m)).to eq 0
      expect(described_class.regexp_compare("ab", /a b/x)).to eq 0
      expect(text.encoding).to eq Encoding::UTF_8
      expect(described_class.regexp_compare(text, /a/)).to be_nil
    end

    it "raises for a String that is no pattern" do
      expect { described_class.regexp_compare("a", "(") }.to raise_error(RegexpError)
    end
  end

  it "has functions that are private where the module is included" do
    includer = Class.new { include OverSIP::Utils }.new
    expect { includer.ip?("::1") }.to raise_error(NoMethodError)
    expect { includer.string_compare("a", "a") }.to raise_error(NoMethodError)
    expect(includer.send(:ip?, "::1")).to be true
  end
end
