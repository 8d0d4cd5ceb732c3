# frozen_string_literal: true

RSpec.describe OverSIP::SIP::NameAddr, :native do
  def parse(text)
    described_class.parse(text)
  end

  it "is a Uri with a display name" do
    name_addr = parse('"Dan" <sips:d@h.example;x=1>')
    expect(name_addr).to be_a OverSIP::SIP::Uri
    expect([name_addr.display_name, name_addr.scheme, name_addr.user, name_addr.params]).to eq(
      ["Dan", :sips, "d", { "x" => "1" }]
    )
    expect([name_addr.uri, name_addr.aor]).to eq ["sips:d@h.example;x=1", "sip:d@h.example"]
  end

  it "keeps inner blanks of an unquoted display name and quotes it when written" do
    name_addr = parse("Dan  Roe <sip:d@h>")
    expect([name_addr.display_name, name_addr.to_s]).to eq ["Dan  Roe", '"Dan  Roe" <sip:d@h>']
  end

  it "drops header parameters and keeps backslashes" do
    name_addr = parse('"A \"q\" B"<sips:d@h;x=1>;tag=z')
    expect([name_addr.display_name, name_addr.to_s]).to eq ['A \"q\" B', '"A \"q\" B" <sips:d@h;x=1>']
  end

  it "takes parameters behind a bare URI for those of the header" do
    name_addr = parse("sip:d@h;x=1")
    expect([name_addr.params, name_addr.to_s]).to eq [{}, "<sip:d@h>"]
  end

  it "has no display name when it is empty" do
    expect(parse('"" <sip:d@h>').display_name).to be_nil
  end

  ["<sip:d@h>,<sip:e@h>", '"x\\', "<sip:d@h", "", "sip:d@h;x=1;=2"].each do |text|
    it "refuses #{text.inspect}" do
      expect { parse(text) }.to raise_error(OverSIP::ParsingError, "invalid NameAddr #{text.inspect}")
    end
  end

  it "refuses a NUL and what is no String as Uri does" do
    expect { parse("<sip:a@b>\0") }.to raise_error(ArgumentError)
    expect { parse(nil) }.to raise_error(TypeError)
  end

  it "shows an edit after its text was read" do
    name_addr = parse("<sip:d@h>")
    name_addr.to_s
    name_addr.user = "e"
    name_addr.uri
    expect(name_addr.to_s).to eq "<sip:e@h>"
    expect(name_addr.modified?).to be true
  end

  it "counts a new display name as an edit, on any scheme" do
    name_addr = parse("<urn:service:sos>")
    expect(name_addr.modified?).to be_nil
    name_addr.display_name = "SOS"
    expect([name_addr.modified?, name_addr.to_s]).to eq [true, '"SOS" <urn:service:sos>']
  end

  it "escapes quotes of a display name, those that are not escaped yet" do
    name_addr = parse("<sip:d@h>")
    name_addr.display_name = 'a "b" \"c\" d\\'
    expect(name_addr.to_s).to eq '"a \"b\" \"c\" d\\\\" <sip:d@h>'
    expect(parse(name_addr.to_s).uri).to eq "sip:d@h"
  end

  it "keeps line ends of a display name out of the text" do
    name_addr = parse("<sip:d@h>")
    name_addr.display_name = "a\r\nEvil: yes\r\n b"
    expect(name_addr.to_s).to eq "\"a  Evil: yes\r\n b\" <sip:d@h>"
  end

  it "is made of parts" do
    name_addr = described_class.new("Eve", :sips, "eve", "h.example", 5071)
    expect([name_addr.to_s, name_addr.modified?]).to eq ['"Eve" <sips:eve@h.example:5071>', true]
    expect(described_class.new(nil, :sip, nil, "h.example").to_s).to eq "<sip:h.example>"
  end

  it "copies its display name" do
    copy = parse('"Dan" <sip:d@h>').clone
    expect(copy.to_s).to eq '"Dan" <sip:d@h>'
  end
end
