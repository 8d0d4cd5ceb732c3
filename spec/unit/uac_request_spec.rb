# frozen_string_literal: true

RSpec.describe OverSIP::SIP::UacRequest, :native do
  def request(data = {}, *rest)
    described_class.new({ sip_method: :NOTIFY, ruri: "sip:w@x.example" }.merge(data), *rest)
  end

  def line(request, name)
    request.to_s.lines(chomp: true).find { |line| line.start_with?("#{name}:") }
  end

  it "writes its data, the To tag included" do
    made = request({ from: "<sip:o@x.example>", from_tag: "ab", to_tag: "cd", call_id: "q", cseq: 4 }, ["Event: z"], "hi")
    expect(made.to_s).to eq(
      ["NOTIFY sip:w@x.example SIP/2.0", "From: <sip:o@x.example>;tag=ab", "To: sip:w@x.example;tag=cd", "Call-ID: q",
       "CSeq: 4 NOTIFY", "Content-Length: 2", "Max-Forwards: 20", "User-Agent: OverSIP/#{OverSIP::VERSION}",
       "Event: z", "", "hi"].join("\r\n")
    )
  end

  it "has defaults for all but method and URI" do
    made = request
    expect([made.from, made.to]).to eq ['"OverSIP" <sip:anonymous@anonymous.invalid>', made.ruri]
    expect(made.from_tag).to match(/\A\h{8}\z/)
    expect(made.call_id).to match(/\A\h{16}\z/)
    expect(made.via_branch_id).to match(/\A\h{8}\z/)
    expect(made.cseq).to be_between(0, 999)
    expect([made.routes, made.tvars, made.body]).to all be_nil
    expect(request.call_id).not_to eq made.call_id
  end

  it "names missing data" do
    expect { described_class.new({ ruri: "sip:w@x" }) }.to raise_error(OverSIP::RuntimeError, "no data[:sip_method] given")
    expect { described_class.new({ sip_method: :OPTIONS }) }.to raise_error(OverSIP::RuntimeError, "no data[:ruri] given")
  end

  it "wants a URI" do
    expect { request({ ruri: 7 }) }.to raise_error(OverSIP::RuntimeError, "invalid URI 7")
    expect { request({ ruri: "no uri" }) }.to raise_error(OverSIP::ParsingError, 'invalid URI "no uri"')
    expect { request({ ruri: "sip:h:x" }) }.to raise_error(OverSIP::ParsingError, 'invalid URI "sip:h:x"')
    expect(request({ ruri: OverSIP::SIP::NameAddr.parse("<sip:n@x>") }).to_s.lines.first).to eq "NOTIFY sip:n@x SIP/2.0\r\n"
  end

  it "wants a method, tags and a Call-ID that the line can carry, and names the one that it cannot" do
    ["OP TIONS", :"OP TIONS", "", :"", "INFO sip:evil@x.example SIP/2.0"].each do |bad|
      expect { request({ sip_method: bad }) }
        .to raise_error(OverSIP::RuntimeError, /\Ainvalid data\[:sip_method\] #{Regexp.escape(bad.inspect)}: it must be a token/)
    end
    %i[from_tag to_tag].product(["a b", "a;b", "a>", "x,y", "", '"q"']).each do |key, bad|
      expect { request({ key => bad }) }.to raise_error(OverSIP::RuntimeError, /\Ainvalid data\[:#{key}\] #{Regexp.escape(bad.inspect)}: /)
    end
    ["a b", "", "a@b@c", "@b", "a@", "a;b"].each do |bad|
      expect { request({ call_id: bad }) }.to raise_error(OverSIP::RuntimeError, /\Ainvalid data\[:call_id\] #{Regexp.escape(bad.inspect)}: /)
    end
    [5, ["INFO"], true].each do |bad|
      expect { request({ sip_method: bad }) }
        .to raise_error(TypeError, "data[:sip_method] must be a Symbol or a String, not #{bad.inspect}")
    end
    made = request({ sip_method: "x-Y.1", from_tag: 5, to_tag: "a~'", call_id: '<a:[1]>"\\@h/?{}()' })
    expect([line(made, "CSeq"), line(made, "Call-ID")]).to match([/ x-Y.1\z/, 'Call-ID: <a:[1]>"\\@h/?{}()'])
  end

  it "suggests a URI for one without a scheme" do
    %w[127.0.0.1:5060 bob@example.net example.net].each do |text|
      expect { request({ ruri: text }) }
        .to raise_error(OverSIP::ParsingError, "invalid URI #{text.inspect}: it has no scheme, did you mean \"sip:#{text}\"?")
    end
  end

  it "puts a Uri with parameters into angle brackets" do
    made = request({ from: OverSIP::SIP::Uri.parse("sip:a@b;x=1"), from_tag: "t", to: OverSIP::SIP::Uri.parse("sip:c@d") })
    expect([line(made, "From"), line(made, "To")]).to eq ["From: <sip:a@b;x=1>;tag=t", "To: sip:c@d"]
  end

  it "leaves a NameAddr as it writes itself" do
    name_addr = OverSIP::SIP::NameAddr.parse('"Doe, John; Mr?" <sip:a@b>')
    expect(line(request({ from: name_addr, from_tag: "t" }), "From")).to eq 'From: "Doe, John; Mr?" <sip:a@b>;tag=t'
  end

  it "wants a Hash of data and an Array of header lines" do
    [nil, "x", 5, [1]].each { |data| expect { described_class.new(data) }.to raise_error(TypeError, "data must be a Hash, not #{data.inspect}") }
    [{ "X-A" => "1" }, "X-A: 1", 7].each do |lines|
      expect { request({}, lines) }.to raise_error(TypeError, "extra_headers must be an Array of header lines, not #{lines.inspect}")
    end
    expect { request({}, ["X-A: 1", nil]) }.to raise_error(TypeError, "a header line must be a String, not nil")
    expect(request({}, nil).to_s).to end_with("\r\n\r\n")
  end

  it "wants header lines with a name and a colon" do
    ["X-A 1", "", ": 1", "X A: 1", "X-A"].each do |line|
      expect { request({}, ["X-B: 1", line]) }
        .to raise_error(OverSIP::RuntimeError, "invalid header line #{line.inspect}: it must be \"Name: value\"")
    end
    expect(request({}, ["X-A : 1", "\u00dc: 2".b.sub(/\A../n, "s"), "X-B:"]).to_s).to include("X-A : 1\r\ns: 2\r\nX-B:\r\n")
  end

  describe "what scripts of OverSIP 2 pass and it does not use" do
    before { OverSIP::ScriptMistakes.reset }

    def warnings(&)
      capture_log(level: :warn, &).map(&:body)
    end

    it "is named in the log when it is an unknown key, once for a line of the script" do
      made = []
      said = warnings { 2.times { made << described_class.new({ sip_method: :INFO, ruri: "sip:w@x.example", form: "x", "ruri" => 1 }) } }
      expect(made.last.to_s).to start_with("INFO sip:w@x.example SIP/2.0\r\n")
      expect(said).to contain_exactly(
        /unknown key :form in data ignored: did you mean 'from'\? \(at #{__FILE__}:\d+\)/, /unknown key "ruri" in data ignored/
      )
    end

    it "is named in the log when it is a header that the request has already, and ours wins" do
      text = nil
      said = warnings do
        lines = ["Content-Length: 99", "l: 98", "CSEQ: 1 X", "i: theirs", "Max-Forwards: 1", "X-A: 1"]
        made = request({ call_id: "ours", cseq: 7 }, lines, "body")
        made.insert_header("content-length", 5)
        text = made.to_s
      end
      expect(text.scan(/^(?:Content-Length|l|Call-ID|i|CSeq|Max-Forwards): .*\r$/i))
        .to eq(["Call-ID: ours\r", "CSeq: 7 NOTIFY\r", "Content-Length: 4\r", "Max-Forwards: 20\r"])
      expect(text).to end_with("X-A: 1\r\n\r\nbody")
      expect(said.map { |body| body.match(/UacRequest: (\S+) in (\S+) ignored/).captures })
        .to eq([%w[Content-Length extra_headers], %w[CSeq extra_headers], %w[Call-ID extra_headers], %w[Max-Forwards extra_headers],
                %w[Content-Length insert_header]])
    end
  end

  it "inserts headers on top, one value for each name as given" do
    made = request
    made.insert_header("x-a", 1)
    made.insert_header("x-a", 2)
    made.insert_header("B", "3")
    expect(made.to_s.lines[1, 2]).to eq ["x-a: 2\r\n", "B: 3\r\n"]
    expect([made.delete_header_top("x-a"), made.delete_header_top("x-a")]).to eq ["2", nil]
  end

  it "lets no line end through" do
    made = request({ from_tag: "a\r\nEvil: 1", call_id: "c\0d" }, ["X: 1\r\nEvil: 2\r\n fold"])
    expect(made.to_s).to include(";tag=a  Evil: 1\r\n").and include("Call-ID: c d\r\n")
    expect(made.to_s).to include("X: 1  Evil: 2\r\n fold\r\n")
    expect { made.insert_header("a b", "x") }.to raise_error(OverSIP::RuntimeError)
  end

  it "is written whatever the encodings of its parts" do
    uri = OverSIP::SIP::Uri.parse("sip:b@h.example")
    uri.set_param("p", "\xFF")
    data = { from: "\u00e9 <sip:a@h>", from_tag: "\xFE".b, to: uri, to_tag: "\u00fc", call_id: "\xFD".b }
    uac_request = described_class.new({ sip_method: :INFO, ruri: "sip:w@x.example" }.merge(data), ["X-A: \xFC".b, "X-B: \u00f6"], "\xFB")
    uac_request.insert_header("X-C", "\u00e4")
    expect(uac_request.to_s.b.lines(chomp: true)).to include(
      "X-C: \u00e4".b, "From: \u00e9 <sip:a@h>;tag=".b + "\xFE".b, "To: <sip:b@h.example;p=\xFF>;tag=".b + "\u00fc".b,
      "Call-ID: \xFD".b, "X-A: \xFC".b, "X-B: \u00f6".b, "\xFB".b
    )
  end

  it "counts the bytes of its body and keeps them" do
    made = request({ from: '"ä" <sip:a@b>' }, [], "\xFFü".b)
    expect(made.to_s.b).to include("Content-Length: 3\r\n").and end_with("\r\n\r\n\xFF\xC3\xBC".b)
  end
end
