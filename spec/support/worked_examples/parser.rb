# frozen_string_literal: true

# The parser: framing and first line.
WorkedExamples.group do
  row "two line ends: consumed, finished?, parsed", [4, true, :outbound_keepalive] do
    parser = OverSIP::SIP::MessageParser.new
    [parser.execute("\r\n\r\n", 0), parser.finished?, parser.parsed]
  end
  row "one line end before a message", [25, true, :BYE] do
    parser = OverSIP::SIP::MessageParser.new
    [parser.execute("\r\nBYE sip:a@b SIP/2.0\r\n\r\nZZ", 0), parser.finished?, parser.parsed.sip_method]
  end
  row "half a first line", [17, false, "OverSIP::SIP::Request"] do
    parser = OverSIP::SIP::MessageParser.new
    [parser.execute("BYE sip:a@b SIP/2", 0), parser.finished?, parser.parsed.class.name]
  end
  row "angle brackets in the first line", [false, 'BYE {{{<}}}sip:a@b> SIP/2.0\r\n\r\n'] do
    parser = OverSIP::SIP::MessageParser.new
    [parser.execute("BYE <sip:a@b> SIP/2.0\r\n\r\n", 0), parser.error]
  end
  row "an unknown method and version", ["bye", true, "sip/2.10"] do
    parser = OverSIP::SIP::MessageParser.new
    parser.execute("bye sip:a@b sip/2.10\r\n\r\n", 0)
    [parser.parsed.sip_method, parser.parsed.unknown_method?, parser.parsed.sip_version]
  end
  row "an empty reason", [200, ""] do
    parser = OverSIP::SIP::MessageParser.new
    parser.execute("SIP/2.0 200 \r\n\r\n", 0)
    [parser.parsed.status_code, parser.parsed.reason_phrase]
  end
  row "no blank behind the status", [15, 200, ""] do
    parser = OverSIP::SIP::MessageParser.new
    [parser.execute("SIP/2.0 200\r\n\r\n", 0), parser.parsed.status_code, parser.parsed.reason_phrase]
  end
  row "an offset behind the end",
      raises(OverSIP::SIP::MessageParserError, "requested start is after buffer end.") do
    OverSIP::SIP::MessageParser.new.execute("x", 1)
  end
end
