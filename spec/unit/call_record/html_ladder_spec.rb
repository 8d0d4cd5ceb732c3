# frozen_string_literal: true

require "oversip/call_record"
require "rexml/document"
require_relative "../../support/recorded_calls"

# What stands in the page; what a browser makes of it: spec/wire/html_ladder_spec.rb.
RSpec.describe OverSIP::CallRecord::HtmlLadder do
  include RecordedCalls

  # The page as XML, which it nearly is.
  def page(record, **options)
    html = described_class.new(record, **options).to_s
    REXML::Document.new(html.sub(/\A<!DOCTYPE html>\n/, "").gsub(/<(meta|input)([^>]*)>/, '<\1\2/>').gsub("<wbr>", "").gsub(%r{<(script|style)>.*?</\1>}m, ""))
  end

  def all(page, path)
    REXML::XPath.match(page, path)
  end

  def text_of(element)
    REXML::XPath.match(element, ".//text()").map(&:value).join.gsub(/\s+/, " ").strip
  end

  it "has a row for each row of the ladder, and a message for each arrow" do
    shown = page(failover)
    rows = OverSIP::CallRecord::Rows.new(failover, OverSIP::CallRecord::Clock.new(:seconds))
    expect(all(shown, "//li/*[contains(@class, 'row')]").size).to eq rows.rows.size
    expect(all(shown, "//a[contains(@class, 'row')]/@href").map(&:value)).to eq(all(shown, "//article/@id").map { |id| "##{id.value}" })
    expect(text_of(all(shown, "//a").first)).to eq "10.000alice to oversip: INVITE sip:bob@example.com"
    expect(text_of(all(shown, "//section").first)).to include("udp:192.0.2.1:5060: timeout", "on_request INVITE sip:bob@example.com (server.rb:12)")
  end

  it "shows how long a block took, and what it raised" do
    shown = page(call_record(message(0.0, :alice, :oversip), block(:on_request, duration: 0.0123, exception: ArgumentError.new("no"))))
    bar = all(shown, "//i[contains(@class, 'mark')]").first
    expect(bar.attributes["class"]).to eq "mark f1 d2"
    expect(text_of(all(shown, "//div[contains(@class, 'block')]").first)).to include("(server.rb:12, 12.3 ms) raised ArgumentError: no")
  end

  it "has a section and a line of the list for each call, and a section for what belongs to none" do
    options = "OPTIONS sip:b SIP/2.0\r\nCall-ID: 2\r\nCSeq: 1 OPTIONS\r\n\r\n"
    shown = page(call_record(message(0.0, :alice, :oversip), message(1.0, :alice, :oversip, bytes: options), note("of call 2", at: 1.0), note("late", at: 9.0)))
    expect(all(shown, "//section/@id").map(&:value)).to eq %w[call1 call2 call3]
    expect(all(shown, "//nav//a/@href").map(&:value)).to eq %w[#call1 #call2]
    expect(all(shown, "//section").map { |section| text_of(section)[/of call 2|late/] }).to eq [nil, "of call 2", "late"]
    expect(all(page(failover), "//nav")).to eq []
  end

  it "takes everything from the network as text" do
    hostile = "SIP/2.0 200 </pre><script>alert(1)</script>\e]0;\xff\u202e\r\nCall-ID: 1\r\nX: <img src=x onerror=alert(1)>\r\n\r\n<!--"
    others = [note("]]>\u0000<b>"), block(:on_request, subject: "</style>", exception: ArgumentError.new("<i>&amp;")), attempt("\"'><u>", :timeout)]
    shown = page(call_record(OverSIP::CallRecord::Message.new(at: 0.0, sender: "<b>\"'&", receiver: nil, transport: "<tls>", from: "<from>", to: "\">", bytes: hostile), *others),
                 title: "</title><script>")
    known = %w[html head meta title style body header h1 h2 h3 div label input output main section p code ul li ol i b small span a time em aside button article pre
               footer kbd script]
    expect(all(shown, "//*").map(&:name).uniq - known).to eq []
    expect(all(shown, "//script").size).to eq 0
    expect(all(shown, "//@*").map(&:name).uniq.grep(/\Aon|style/)).to eq []
    expect(text_of(all(shown, "//pre").first)).to include("</pre><script>alert(1)</script>\\x1B]0;\\xFF\\u{202E}", "<img src=x onerror=alert(1)>", "<!--")
  end

  it "allows its own style and script and nothing else, and names nothing outside of itself" do
    html = described_class.new(failover).to_s
    policy = html[/Content-Security-Policy" content="([^"]*)"/, 1].gsub("&apos;", "'")
    sources = html.scan(%r{<(?:style|script)>(.*?)</}m).flatten.map { |text| "'sha256-#{[OpenSSL::Digest::SHA256.digest(text)].pack("m0")}'" }
    expect(policy).to eq "default-src 'none'; style-src #{sources[0]}; script-src #{sources[1]}; base-uri 'none'; form-action 'none'"
    expect(html.scan(%r{https?://|url\(|@import|\ssrc=|\sstyle=})).to eq []
  end

  it "names what was redacted, cuts what is too long, and reads what is malformed" do
    long = "INVITE sip:a SIP/2.0\r\nCall-ID: 1\r\nno field\r\n\r\n#{"x" * 200_000}"
    redacted = OverSIP::CallRecord::Redaction.new.call(call_record(message(0.0, :alice, :oversip, bytes: "INVITE sip:b SIP/2.0\r\nAuthorization: x\r\n\r\n")))
    expect(text_of(all(page(redacted), "//article").first)).to include("Redacted: Authorization")
    expect(text_of(all(page(call_record(message(0.0, :alice, :oversip, bytes: long))), "//article").first)).to include("no field").and match(/… 1000\d\d more bytes\z/)
    [call_record, call_record(note("alone")), call_record(message(0.0, :alice, :oversip, bytes: ""))].each { |odd| expect { page(odd) }.not_to raise_error }
  end

  it "says when a call began, where the record knows it" do
    began = Time.at(1_764_322_222.25)
    record = OverSIP::CallRecord.new(began_at: began) << message(1.5, :alice, :oversip)
    expect(described_class.new(record).to_s).to include((began + 1.5).strftime("%Y-%m-%d %H:%M:%S.%L %z"))
    expect(described_class.new(failover).to_s).not_to match(/\d{4}-\d\d-\d\d/)
  end

  it "takes milliseconds, and no other unit" do
    expect(text_of(all(page(failover, unit: :milliseconds), "//section").first)).to include("time (ms)", "32000.0", "waited 34000 ms")
    expect { described_class.new(failover, unit: :hours) }.to raise_error(ArgumentError)
  end
end
