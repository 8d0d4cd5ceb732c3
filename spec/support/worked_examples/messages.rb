# frozen_string_literal: true

# One INVITE; `invite` and `sent` (what its connection got: text, IP, port) are in the spec.
WorkedExamples.group do
  row "to_s",
      "INVITE sip:u@d.example SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.4:5072;branch=z9hG4bKbr1;rport\r\n" \
      "From: \"Fay\" <sip:fay@d.example>;epid=3;tag=F1\r\nTo: <sip:u@d.example>\r\nCall-ID: call-1\r\nCSeq: 31 INVITE\r\n" \
      "Contact: <sip:fay@198.51.100.4>;expires=9\r\n\r\n" do
    invite.to_s
  end
  row "from.user = zoe",
      ["From: \"Fay\" <sip:zoe@d.example>;epid=3;tag=F1\r\n", "\"Fay\" <sip:fay@d.example>;epid=3;tag=F1"], note: "its parameters stay" do
    invite.from.user = "zoe"
    [invite.to_s.lines.grep(/^From/).first, invite.hdr_from]
  end
  row "contact.host = c.example", "Contact: <sip:fay@c.example>;expires=9\r\n" do
    invite.contact.host = "c.example"
    invite.to_s.lines.grep(/^Contact/).first
  end
  row "reply(404)",
      "SIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP 198.51.100.4:5072;branch=z9hG4bKbr1;rport\r\n" \
      "From: \"Fay\" <sip:fay@d.example>;epid=3;tag=F1\r\nTo: <sip:u@d.example>;tag=T\r\nCall-ID: call-1\r\n" \
      "CSeq: 31 INVITE\r\nContent-Length: 0\r\nServer: OverSIP/#{OverSIP::VERSION}\r\n\r\n", note: "our own version" do
    invite.reply(404)
    sent.first.first.sub(/^(To: .*;tag=)\h{8}\.\h{8}\r/, "\\1T\r")
  end
  row "where it goes", ["203.0.113.9", 5072] do
    invite.reply(404)
    sent.first.drop(1)
  end
  row "where it goes after fix_nat", ["203.0.113.9", 40_000] do
    invite.fix_nat
    invite.reply(404)
    sent.first.drop(1)
  end
  row "reply(200) in a dialog: To", "To: <sip:u@d.example>;tag=tt\r\n", note: "one tag" do
    invite(to_tag: "tt").reply(200)
    sent.first.first.lines.grep(/^To/).first
  end
  row("header, header_all, has_header?", ["call-1", [], nil]) do
    [invite.header("i"), invite.header_all("nope"), invite.has_header?("nope")]
  end
  row("set_header of nil", [""]) do
    invite.set_header("x-n", nil)
    invite.headers["X-N"]
  end
  row("set_header of a one-letter name", "Session-Expires") do
    invite.set_header("X", "9")
    invite.headers.keys.last
  end
  row("insert_header", "P-Z") do
    invite.insert_header("p-z", "1")
    invite.headers.keys.first
  end
  row("check_max_forwards without the header", [true, 10, nil]) do
    [invite.check_max_forwards(10), invite.new_max_forwards, invite.header("Max-Forwards")]
  end
  row "connection_outbound_flow_token over UDP", /\A_[-_0-9A-Za-z]{24}\z/, note: "signed" do
    received(:OPTIONS, &:connection_outbound_flow_token)
  end
  row("ruri = 7", raises(OverSIP::RuntimeError, "invalid URI 7")) { invite.ruri = 7 }
end
