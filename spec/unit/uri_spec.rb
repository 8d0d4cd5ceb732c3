# frozen_string_literal: true

RSpec.describe OverSIP::SIP::Uri, :native do
  def parse(text)
    described_class.parse(text)
  end

  describe "the attributes of a parsed URI" do
    it "gives scheme, user, host and type, the host in normal form" do
      uri = parse("SIP:Carol@PBX.Example.ORG.")
      expect([uri.scheme, uri.user, uri.host, uri.host_type]).to eq [:sip, "Carol", "pbx.example.org", :domain]
      expect([uri.number, uri.domain, uri.port, uri.headers]).to eq ["Carol", "pbx.example.org", nil, nil]
    end

    it "keeps the received text until it is edited" do
      uri = parse("SIP:Carol@PBX.Example.ORG.")
      expect([uri.to_s, uri.uri, uri.inspect]).to all eq "SIP:Carol@PBX.Example.ORG."
      expect(uri.aor).to eq "sip:Carol@pbx.example.org"
      expect(uri.modified?).to be_nil
    end

    it "normalises an IPv6 reference and keeps parameter values as they are" do
      uri = parse("sips:[2001:DB8:0:0::00A]:6061;MAddr=X")
      expect(uri.host).to eq "[2001:db8::a]"
      expect(uri.host.encoding).to eq Encoding::BINARY
      expect([uri.host_type, uri.port, uri.params]).to eq [:ipv6_reference, 6061, { "maddr" => "X" }]
    end

    it "unescapes the user" do
      expect(parse("sip:d%40q%20r@h.example").user).to eq "d@q r"
    end

    it "leaves a password with the user" do
      expect(parse("sip:d:secret@h.example").user).to eq "d:secret"
    end

    it "knows the parameters that routing needs, whatever their letter case" do
      uri = parse("sip:h.example;Transport=WsS;LR;OB=1;OvId=Q9")
      expect([uri.transport_param, uri.lr_param?, uri.ob_param?, uri.ovid_param]).to eq [:wss, true, true, "Q9"]
      expect(uri.params).to eq({ "transport" => "WsS", "lr" => nil, "ob" => "1", "ovid" => "Q9" })
    end

    it "answers a transport it does not know in lower case" do
      expect(parse("sip:h.example;transport=QUIC").transport_param).to eq "quic"
    end

    it "takes a parameter that ends with = for one with an empty value" do
      uri = parse("sip:h.example;ob=;k=;K=2;transport=")
      expect(uri.params).to eq({ "ob" => "", "k" => "2", "transport" => "" })
      expect([uri.get_param("ob"), uri.has_param?("OB"), uri.ob_param?, uri.transport_param]).to eq ["", true, true, nil]
    end

    it "writes an empty value as it was, until the parameter is deleted" do
      uri = parse("sip:h.example;ob=;x")
      uri.user = "a"
      expect(uri.to_s).to eq "sip:a@h.example;ob=;x"
      expect([uri.del_param("ob"), uri.ob_param?, uri.to_s]).to eq ["", false, "sip:a@h.example;x"]
    end

    it "takes names whose last label begins with a digit for domains, and numbers with dots for addresses only" do
      { "019f9ae299f5" => :domain, "12345" => :domain, "pbx.1a" => :domain, "pbx.12" => :domain, "1.2.3.4" => :ipv4 }
        .each { |host, type| expect(parse("sip:101@#{host}").host_type).to eq(type), host }
      %w[1.2.3 300.1.1.1 1.2.3.4.5].each do |host|
        expect { parse("sip:101@#{host}") }.to raise_error(OverSIP::ParsingError), host
      end
    end

    it "takes a parameter with an empty value for the flag" do
      expect(parse("sip:h.example;lr=;ob").lr_param?).to be true
    end

    it "gives URI headers with their question mark" do
      expect(parse("sip:h.example?Subject=hi&X=").headers).to eq "?Subject=hi&X="
    end

    it "reads ports with leading zeros as decimal" do
      expect(parse("sip:h.example:0070").port).to eq 70
    end

    it "takes a TEL URI apart" do
      uri = parse("TEL:+1(555)-01.00;Phone-Context=Ex.ORG.;Ext=7")
      expect([uri.scheme, uri.number, uri.phone_context_param]).to eq [:tel, "+15550100", "ex.org"]
      expect(uri.params).to eq({ "phone-context" => "Ex.ORG.", "ext" => "7" })
      expect([uri.to_s, uri.aor]).to eq ["TEL:+1(555)-01.00;Phone-Context=Ex.ORG.;Ext=7", "tel:+15550100"]
      expect([uri.host, uri.host_type, uri.tel?, uri.sip?]).to eq [nil, nil, true, false]
    end

    it "writes letters of a local number small" do
      expect(parse("tel:7-AbC#*").number).to eq "7abc#*"
    end

    it "knows only the text of other schemes" do
      uri = parse("URN:Service:SOS")
      expect([uri.scheme, uri.to_s, uri.aor, uri.get_param("x"), uri.unknown_scheme?]).to eq(
        ["urn", "URN:Service:SOS", nil, nil, true]
      )
      expect([uri.user, uri.host, uri.port, uri.params]).to eq [nil, nil, nil, {}]
    end

    it "tags network text as UTF-8, valid or not" do
      user = parse("sip:%ff@h.example").user
      expect([user.encoding, user.valid_encoding?]).to eq [Encoding::UTF_8, false]
    end
  end

  describe ".parse refuses" do
    {
      "headers without a value" => "sip:h.example?Subject",
      "a port over 65535" => "sip:h.example:65536",
      "a domain that ends in a number" => "sip:x@10.1.2",
      "blanks around the URI" => " sip:h.example",
      "angle brackets" => "<sip:h.example>",
      "nothing" => ""
    }.each do |what, text|
      it what do
        expect { parse(text) }.to raise_error(OverSIP::ParsingError, "invalid URI #{text.inspect}")
      end
    end

    it "an embedded NUL" do
      expect { parse("sip:a@b\0") }.to raise_error(ArgumentError, "string contains null byte")
    end

    it "anything but a String" do
      expect { parse(:sym) }.to raise_error(TypeError, "Wrong argument type for string required T_STRING")
    end
  end

  describe "edits" do
    it "rebuild the text from the parts" do
      uri = parse("SIP:Carol@PBX.Example.ORG.")
      uri.port = 5080
      expect(uri.to_s).to eq "sip:Carol@pbx.example.org:5080"
    end

    it "stay marked though the text was read" do
      uri = parse("sip:a@b.example")
      uri.user = "c"
      uri.to_s
      uri.inspect
      expect(uri.modified?).to be true
    end

    it "escape behind the colon of a password what only a user may carry as it is" do
      uri = OverSIP::SIP::Uri.parse("sip:a;b:x%3By@h.example")
      uri.host = "z.example"
      expect(uri.to_s).to eq("sip:a;b:x%3By@z.example")
      expect(OverSIP::SIP::Uri.parse(uri.to_s).user).to eq(uri.user)
    end

    it "escape in the user what would end it" do
      uri = parse("sip:d%40q%20r@h.example")
      uri.host = "z.example"
      expect(uri.to_s).to eq "sip:d%40q%20r@z.example"
    end

    it "keep a password" do
      uri = parse("sip:d:secret@h.example")
      uri.port = 5070
      expect(uri.to_s).to eq "sip:d:secret@h.example:5070"
    end

    it "put brackets around a bare IPv6 address" do
      uri = parse("sip:a@h.example:5061")
      uri.host = "::1"
      expect([uri.to_s, uri.host_type]).to eq ["sip:a@[::1]:5061", :ipv6]
      expect(uri.aor).to eq "sip:a@[::1]"
    end

    it "set, read and remove parameters" do
      uri = parse("sip:b")
      expect(uri.set_param("AbC", "Z")).to be true
      uri.set_param("n", nil)
      expect(uri.to_s).to eq "sip:b;abc=Z;n"
      expect([uri.has_param?(:ABC), uri.has_param?("x"), uri.get_param("aBc")]).to eq [true, false, "Z"]
      expect([uri.del_param("abc"), uri.del_param("abc"), uri.del_param("n")]).to eq ["Z", false, nil]
      expect(uri.to_s).to eq "sip:b"
    end

    it "take Symbols as parameter names" do
      uri = parse("sip:b")
      uri.set_param(:Foo, 7)
      expect(uri.to_s).to eq "sip:b;foo=7"
    end

    it "remove all parameters, and the attributes that depend on them" do
      uri = parse("sip:b;lr;ob;transport=tcp")
      expect(uri.clear_params).to be true
      expect([uri.to_s, uri.lr_param?, uri.ob_param?, uri.transport_param]).to eq ["sip:b", false, false, nil]
    end

    it "have nothing to clear where no parameter is" do
      uri = parse("sip:b")
      expect([uri.clear_params, uri.modified?]).to eq [false, nil]
    end

    it "of the transport parameter reach its reader both ways" do
      uri = parse("sip:b;transport=tcp")
      uri.set_param("transport", "TLS")
      expect(uri.transport_param).to eq :tls
      uri.del_param("transport")
      expect(uri.transport_param).to be_nil
      uri.transport_param = :ws
      expect([uri.get_param("transport"), uri.to_s]).to eq ["ws", "sip:b;transport=ws"]
      uri.transport_param = nil
      expect(uri.to_s).to eq "sip:b"
    end

    it "of the phone context work on TEL only" do
      uri = parse("tel:123;phone-context=a.example")
      uri.phone_context_param = "b.example"
      expect([uri.to_s, uri.phone_context_param]).to eq ["tel:123;phone-context=b.example", :"b.example"]
      sip = parse("sip:b")
      sip.phone_context_param = "x"
      expect([sip.to_s, sip.phone_context_param]).to eq ["sip:b", nil]
    end

    it "of the parameter reach the phone context" do
      uri = parse("tel:123;phone-context=a.example")
      expect(uri.phone_context_param).to eq "a.example"
      uri.del_param("Phone-Context")
      expect(uri.phone_context_param).to be_nil
    end

    it "through the live params Hash show in the next rebuilt text" do
      uri = parse("sip:b;x=1")
      uri.params["y"] = "2"
      uri.port = 5070
      expect(uri.to_s).to eq "sip:b:5070;x=1;y=2"
    end

    it "do nothing to an unknown scheme" do
      uri = parse("urn:service:sos")
      expect(%i[user= host= port= scheme= headers=].map { |writer| uri.send(writer, "x") }).to all be_nil
      expect([uri.set_param("a", "b"), uri.del_param("a"), uri.clear_params]).to all be_nil
      expect([uri.to_s, uri.modified?]).to eq ["urn:service:sos", nil]
    end

    it "of a copy leave the original alone" do
      uri = parse("sip:a@b.example")
      copy = uri.dup
      copy.user = "c"
      expect([uri.to_s, copy.to_s]).to eq ["sip:a@b.example", "sip:c@b.example"]
    end

    it "cannot bring line ends into the text" do
      uri = parse("sip:b")
      uri.set_param("x", "1\r\nEvil: yes\0")
      expect(uri.to_s).to eq "sip:b;x=1  Evil: yes "
    end

    it "survive a to_s that edits the URI itself" do
      uri = parse("sip:b")
      value = Object.new
      value.define_singleton_method(:to_s) do
        uri.port = 5090
        "v"
      end
      uri.set_param("x", value)
      uri.to_s
      expect(uri.to_s).to eq "sip:b:5090;x=v"
    end
  end

  describe ".new" do
    it "stores the parts as given and writes them" do
      uri = described_class.new(:sip, "e f", "[2001:DB8::2]", 9)
      expect([uri.to_s, uri.host_type, uri.modified?]).to eq ["sip:e%20f@[2001:DB8::2]:9", :ipv6_reference, true]
    end

    it "can be looked at without a host" do
      expect(described_class.new(:sip).inspect).to include("the URI has no host")
    end

    it "cannot be written without a host" do
      expect { described_class.new(:sip).to_s }.to raise_error(OverSIP::RuntimeError)
    end

    it "wants a String as host" do
      expect { described_class.new(:sip, "a", 7) }.to raise_error(TypeError)
    end
  end

  it "answers from an instance variable when it was only allocated" do
    uri = described_class.allocate
    uri.instance_variable_set(:@uri, "sip:set@elsewhere.example")
    expect([uri.to_s, uri.unknown_scheme?, uri.params, uri.scheme]).to eq ["sip:set@elsewhere.example", true, {}, nil]
    expect([described_class.allocate.to_s, described_class.allocate.inspect]).to eq [nil, "#<OverSIP::SIP::Uri>"]
  end

  it "can be subclassed and re-opened" do
    subclass = Class.new(described_class) { def shout = to_s.upcase }
    expect(subclass.parse("sip:a@b").shout).to eq "SIP:A@B"
    expect(subclass.new(:sip, nil, "h.example").shout).to eq "SIP:H.EXAMPLE"
  end

  it "compares by identity" do
    expect(parse("sip:a@b")).not_to eq parse("sip:a@b")
  end

  it "keeps what it refers to through garbage collections" do
    stress = GC.stress
    GC.stress = true
    uri = parse("sip:a@b.example;x=1")
    uri.user = "u#{1 + 1}"
    uri.set_param("p", "v#{2 + 2}")
    text = uri.to_s
    GC.stress = stress
    expect(text).to eq "sip:u2@b.example;x=1;p=v4"
  ensure
    GC.stress = stress
  end
end
