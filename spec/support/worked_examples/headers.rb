# frozen_string_literal: true

# The parser: header lines behind `OPTIONS sip:a@b SIP/2.0`. `options` and `refused` are in the spec.
WorkedExamples.group do
  row("a header that is not known", { "X-Foo_Bar" => ["u ,v "] }) { options("x-fOO_bAR : u ,v ").headers }
  row "equal names", { "X-Q" => %w[1 2], "Event" => ["presence"] } do
    options("X-Q: 1\r\nO: presence\r\nx-q: 2").headers
  end
  row("a folded value", { "X-F" => ["a\r\n\tb"] }) { options("X-F: a\r\n\tb").headers }
  row("names", %w[w Sip-Etag]) { options("w: 1\r\nSIP-ETag: 2").headers.keys }
  row "a Via",
      ["Gw1.example", 5090, "z9hG4bKaa", true, { "foo" => "\"x;y\"", "bar" => nil }, "SIP/2.0/UDP Gw1.example:5090"] do
    message = options("v: SIP/2.0/UDP Gw1.example:5090;Branch=z9hG4bKaa;RPORT;Foo=\"x;y\";bar")
    [message.via_sent_by_host, message.via_sent_by_port, message.via_branch, message.via_rport?, message.via_params,
     message.via_core_value]
  end
  row "two Vias in a line", ["SIP/2.0/TCP p;branch=z9hG4bK1", "SIP/2.0/UDP q"] do
    options("Via: SIP/2.0/TCP p;branch=z9hG4bK1 , SIP/2.0/UDP q").hdr_via
  end
  row("a branch of cookie alone", nil) { options("Via: SIP/2.0/UDP p;branch=z9hG4bK").via_branch_rfc3261 }
  row "two branches", ["k", nil], note: "it is no branch of RFC 3261" do
    message = options("Via: SIP/2.0/UDP p;branch=z9hG4bK1;branch=k")
    [message.via_branch, message.via_branch_rfc3261]
  end
  row "a From", ["Eve", { "u" => "1" }, "T-9", "Eve <sip:e@h;u=1>;x=\"1\";tag=T-9"] do
    message = options("From: Eve <sip:e@h;u=1>;x=\"1\";tag=T-9")
    [message.from.display_name, message.from.params, message.from_tag, message.hdr_from]
  end
  row "a From without angle brackets", [{}, "T"] do
    message = options("f: sip:e@h;u=1;tag=T")
    [message.from.params, message.from_tag]
  end
  row("an empty tag", [false, "\r", 45]) { refused("To: <sip:e@h>;tag=") }
  row "a Contact", [true, ";Reg-Id=2;q=1", true] do
    message = options("Contact: <sip:e@h;ob>;Reg-Id=2;q=1")
    [message.contact.ob_param?, message.contact_params, message.contact_reg_id?]
  end
  row "Contacts that are not all SIP", [{ "Contact" => ["<sip:e@h>", "<tel:5>, <sip:f@h>"] }, nil] do
    message = options("Contact: <sip:e@h>, <tel:5>, <sip:f@h>")
    [message.headers, message.contact]
  end
  row "a Contact that is a star", [{ "Contact" => ["*"] }, nil] do
    message = options("Contact: *")
    [message.headers, message.contact]
  end
  row "Routes", [["<sip:r1;lr>", "\"N\" <sips:r2:5061>;p"], ["sip:r1;lr", "sips:r2:5061"]] do
    message = options("Route: <sip:r1;lr>,\r\n \"N\" <sips:r2:5061>;p")
    [message.hdr_route, message.routes.map(&:uri)]
  end
  row("a Route without angle brackets", [false, ":", 35]) { refused("Route: sip:r1") }
  row "Supported", [%w[path gruu 100rel], { "Supported" => ["Path , GRUU", "", "100rel"] }] do
    message = options("Supported: Path , GRUU\r\nk: \r\nSupported: 100rel")
    [message.supported, message.headers]
  end
  row("an empty Require", [false, "\r", 36]) { refused("Require: ") }
  row("CSeq with a leading zero", 12, note: "decimal") { options("CSeq: 012 OPTIONS").cseq }
  row("Content-Length with a leading zero", 100, note: "decimal") { options("Content-Length: 0100").content_length }
  row("Max-Forwards with leading zeros", 68) { options("Max-Forwards: 0068").max_forwards }
  row("a trailing blank", 70, note: "taken") { options("Max-Forwards: 70 ").max_forwards }
  row "a From behind a quoted Contact", "Alice", note: "whole" do
    options("Contact: \"x\" <tel:1>\r\nFrom: Alice <sip:a@b>").from.display_name
  end
  row "the same with a name of one byte", "A", note: "whole" do
    options("Contact: \"x\" *\r\nFrom: A <sip:a@b>").from.display_name
  end
end
