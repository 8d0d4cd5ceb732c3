# frozen_string_literal: true

# URIs and name-addrs.
WorkedExamples.group do
  row "Uri.parse of a SIP URI: fields", [:sip, "Carol", "pbx.example.org", :domain] do
    uri = OverSIP::SIP::Uri.parse("SIP:Carol@PBX.Example.ORG.")
    [uri.scheme, uri.user, uri.host, uri.host_type]
  end
  row "the same: to_s, aor, modified?", ["SIP:Carol@PBX.Example.ORG.", "sip:Carol@pbx.example.org", nil] do
    uri = OverSIP::SIP::Uri.parse("SIP:Carol@PBX.Example.ORG.")
    [uri.to_s, uri.aor, uri.modified?]
  end
  row "the same, port = 5080: to_s, modified?", ["sip:Carol@pbx.example.org:5080", true],
      note: "an edit stays marked until it is sent" do
    uri = OverSIP::SIP::Uri.parse("SIP:Carol@PBX.Example.ORG.")
    uri.port = 5080
    [uri.to_s, uri.modified?]
  end
  row "an IPv6 host: host, host_type, params", ["[2001:db8::a]", :ipv6_reference, { "maddr" => "X" }] do
    uri = OverSIP::SIP::Uri.parse("sips:[2001:DB8:0:0::00A]:6061;MAddr=X")
    [uri.host, uri.host_type, uri.params]
  end
  row("an escaped user", "d@q r") { OverSIP::SIP::Uri.parse("sip:d%40q%20r@h.example").user }
  row "the same, host = z.example: to_s", "sip:d%40q%20r@z.example", note: "escaped again" do
    uri = OverSIP::SIP::Uri.parse("sip:d%40q%20r@h.example")
    uri.host = "z.example"
    uri.to_s
  end
  row("a user with password", "d:secret") { OverSIP::SIP::Uri.parse("sip:d:secret@h.example").user }
  row "known parameters in any case",
      [:wss, true, true, "Q9", { "transport" => "WsS", "lr" => nil, "ob" => "1", "ovid" => "Q9" }] do
    uri = OverSIP::SIP::Uri.parse("sip:h.example;Transport=WsS;LR;OB=1;OvId=Q9")
    [uri.transport_param, uri.lr_param?, uri.ob_param?, uri.ovid_param, uri.params]
  end
  row("an unknown transport", "quic") { OverSIP::SIP::Uri.parse("sip:h.example;transport=QUIC").transport_param }
  row("an empty parameter value", { "k" => "2" }) { OverSIP::SIP::Uri.parse("sip:h.example;k=;K=2").params }
  row("URI headers", "?Subject=hi&X=") { OverSIP::SIP::Uri.parse("sip:h.example?Subject=hi&X=").headers }
  row("a URI header without =", raises(OverSIP::ParsingError, 'invalid URI "sip:h.example?Subject"')) do
    OverSIP::SIP::Uri.parse("sip:h.example?Subject")
  end
  row("port 65536", raises(OverSIP::ParsingError, 'invalid URI "sip:h.example:65536"')) do
    OverSIP::SIP::Uri.parse("sip:h.example:65536")
  end
  row("port 0070", 70) { OverSIP::SIP::Uri.parse("sip:h.example:0070").port }
  row("a host of three numbers", raises(OverSIP::ParsingError, 'invalid URI "sip:x@10.1.2"')) do
    OverSIP::SIP::Uri.parse("sip:x@10.1.2")
  end
  row "a TEL URI",
      [:tel, "+15550100", "ex.org", { "phone-context" => "Ex.ORG.", "ext" => "7" },
       "TEL:+1(555)-01.00;Phone-Context=Ex.ORG.;Ext=7", "tel:+15550100"] do
    uri = OverSIP::SIP::Uri.parse("TEL:+1(555)-01.00;Phone-Context=Ex.ORG.;Ext=7")
    [uri.scheme, uri.number, uri.phone_context_param, uri.params, uri.to_s, uri.aor]
  end
  row("a local number", "7abc#*") { OverSIP::SIP::Uri.parse("tel:7-AbC#*").number }
  row "another scheme", ["urn", "URN:Service:SOS", nil, nil, true] do
    uri = OverSIP::SIP::Uri.parse("URN:Service:SOS")
    [uri.scheme, uri.to_s, uri.aor, uri.get_param("x"), uri.unknown_scheme?]
  end
  row("a NUL", raises(ArgumentError, "string contains null byte")) { OverSIP::SIP::Uri.parse("sip:a@b\0") }
  row "no String", raises(TypeError, "Wrong argument type for string required T_STRING") do
    OverSIP::SIP::Uri.parse(:sym)
  end
  row "Uri.new: to_s, host_type", ["sip:e%20f@[2001:DB8::2]:9", :ipv6_reference] do
    uri = OverSIP::SIP::Uri.new(:sip, "e f", "[2001:DB8::2]", 9)
    [uri.to_s, uri.host_type]
  end
  row "Uri.new(:sip).to_s", raises(OverSIP::RuntimeError, "the URI has no host"), note: "a TypeError once" do
    OverSIP::SIP::Uri.new(:sip).to_s
  end
  row "set_param and del_param", ["sip:b;abc=Z;n", "Z", false, nil] do
    uri = OverSIP::SIP::Uri.parse("sip:b")
    uri.set_param("AbC", "Z")
    uri.set_param("n", nil)
    [uri.to_s, uri.del_param("abc"), uri.del_param("abc"), uri.del_param("n")]
  end
  row "clear_params", ["sip:b", false, false, nil], note: "attributes follow the parameters" do
    uri = OverSIP::SIP::Uri.parse("sip:b;lr;ob;transport=tcp")
    uri.clear_params
    [uri.to_s, uri.lr_param?, uri.ob_param?, uri.transport_param]
  end
  row "an unquoted display name", ["Dan  Roe", "\"Dan  Roe\" <sip:d@h>"] do
    name_addr = OverSIP::SIP::NameAddr.parse("Dan  Roe <sip:d@h>")
    [name_addr.display_name, name_addr.to_s]
  end
  row "escapes in a display name", ["A \\\"q\\\" B", "\"A \\\"q\\\" B\" <sips:d@h;x=1>"] do
    name_addr = OverSIP::SIP::NameAddr.parse("\"A \\\"q\\\" B\"<sips:d@h;x=1>;tag=z")
    [name_addr.display_name, name_addr.to_s]
  end
  row "no angle brackets", [{}, "<sip:d@h>"] do
    name_addr = OverSIP::SIP::NameAddr.parse("sip:d@h;x=1")
    [name_addr.params, name_addr.to_s]
  end
  row("two name-addrs", raises(OverSIP::ParsingError, 'invalid NameAddr "<sip:d@h>,<sip:e@h>"')) do
    OverSIP::SIP::NameAddr.parse("<sip:d@h>,<sip:e@h>")
  end
  row "an edit between two to_s", "<sip:e@h>", note: "it shows" do
    name_addr = OverSIP::SIP::NameAddr.parse("<sip:d@h>")
    name_addr.to_s
    name_addr.user = "e"
    name_addr.uri
    name_addr.to_s
  end
end
