# frozen_string_literal: true

# Only the line end of a folded header value survives; every other CR, LF and NUL becomes a space.
RSpec.describe "Line ends that a script lets through", :native do
  around { |example| capture_log { example.run } }

  let(:request) do
    OverSIP::SIP::Request.parse("INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n" \
                                "To: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@h>\r\n\r\n")
  end
  let(:sent) { [] }
  let(:evil) { "x\r\nEvil: 1\n\0y\r" }
  let(:tamed) { "x  Evil: 1  y " }

  before { OverSIP::ScriptMistakes.reset }

  # A request that gives its reply to the example.
  def answered
    sent = self.sent
    request.connection = Object.new.tap { |own| own.define_singleton_method(:send_sip_msg) { |text, *| sent << text } }
    yield request
    sent.last
  end

  it "become blanks in header values" do
    request.set_header("X-A", evil)
    request.headers["X-B"] = [evil, "folded\r\n\tvalue"]
    expect(request.to_s).to include("X-A: #{tamed}\r\nX-B: #{tamed}\r\nX-B: folded\r\n\tvalue\r\n")
  end

  it "become blanks in URIs, their parameters and display names" do
    request.ruri.set_param("p", evil)
    request.from.display_name = evil
    request.contact.set_param("q", evil)
    text = request.to_s
    expect(text).to start_with("INVITE sip:a@b;p=#{tamed} SIP/2.0\r\n")
    expect(text).to include("From: \"#{tamed}\" <sip:a@b>;tag=1\r\n", "Contact: <sip:a@h;q=#{tamed}>\r\n")
    expect(text.scan(/\r\nEvil/)).to be_empty
  end

  it "become blanks in a user part that was escaped on the wire" do
    escaped = OverSIP::SIP::Request.parse("INVITE sip:a%0D%0AEvil:1@b SIP/2.0\r\n\r\n")
    expect(escaped.ruri.user).to eq "a\r\nEvil:1"
    escaped.ruri.port = 5070
    expect(escaped.to_s).to start_with("INVITE sip:a%0D%0AEvil:1@b:5070 SIP/2.0\r\n")
  end

  it "become blanks in reason, extra lines and nowhere else of a reply" do
    text = answered { |request| request.reply(486, evil, ["X-A: #{evil}", "X-B: a\r\n b"], "body\r\n\r\n\0") }
    expect(text).to start_with("SIP/2.0 486 #{tamed}\r\n").and include("\r\nX-A: #{tamed}\r\nX-B: a\r\n b\r\n")
    expect(text).to end_with("\r\n\r\nbody\r\n\r\n\0")
  end

  it "become blanks in the reason of a Response" do
    response = OverSIP::SIP::Response.parse("SIP/2.0 200 OK\r\n\r\n")
    response.reason_phrase = evil
    expect(response.to_s).to eq "SIP/2.0 200 #{tamed}\r\n\r\n"
  end

  it "become blanks in all of a UacRequest" do
    uac_request = OverSIP::SIP::UacRequest.new({ sip_method: "A\r\n B", ruri: "sip:a@b", call_id: evil }, ["X-A: #{evil}"])
    uac_request.insert_header("X-B", evil)
    expect(uac_request.to_s).to start_with("A   B sip:a@b SIP/2.0\r\nX-B: #{tamed}\r\n")
    expect(uac_request.to_s).to include("\r\nCall-ID: #{tamed}\r\n", "\r\nX-A: #{tamed}\r\n")
  end

  describe "in the log" do
    def records(&)
      capture_log(&).select { |record| record.body.include?("was replaced by a blank") }
    end

    it "appear once for each line of the script that had them written" do
      request.set_header("X-A", evil)
      logged = records do
        3.times { request.to_s }
        request.to_s
      end
      expect(logged.map(&:severity)).to eq %i[warn warn]
      expect(logged.map(&:body)).to all match(/a line end or NUL in a header value was replaced by a blank \(at .*line_ends_spec\.rb:\d+\)/)
      expect(logged.map { |record| record.body[/:(\d+)\)/, 1].to_i }.each_cons(2).map { |a, b| b - a }).to eq [1]
    end

    it "do not appear where nothing was replaced" do
      request.set_header("X-A", "folded\r\n value")
      expect(records { request.to_s }).to be_empty
    end
  end
end
