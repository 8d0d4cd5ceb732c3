# frozen_string_literal: true

require "oversip/call_record"
require "oversip/testing/dialog"

# The dialogs of personas, without a world.
RSpec.describe OverSIP::Testing::Dialog do
  def message(text)
    OverSIP::CallRecord::Message.new(at: 0.0, sender: "a", receiver: "b", transport: :udp, from: "192.0.2.1:5060", to: "192.0.2.2:5060",
                                     bytes: text.gsub("\n", "\r\n"))
  end

  let(:request) do
    message("INVITE sip:bob@b.example SIP/2.0\nRecord-Route: <sip:p2;lr>, <sip:p1;lr>\nFrom: \"A, B\" <sip:a@x>;tag=1\nTo: <sip:bob@b.example>\n" \
            "Call-ID: c\nCSeq: 7 INVITE\nContact: \"A\" <sip:a@192.0.2.1>;x=1\n\n")
  end

  let(:response) do
    message("SIP/2.0 200 OK\nRecord-Route: <sip:p2;lr>\nRecord-Route: <sip:p1;lr>\nFrom: \"A, B\" <sip:a@x>;tag=1\n" \
            "To: <sip:bob@b.example>;tag=2\nCall-ID: c\nCSeq: 7 INVITE\nContact: <sip:bob@192.0.2.2>\n\n")
  end

  it "has the route set in reverse order at who called (RFC 3261 12.1.2)" do
    dialog = described_class.of_response(request, response)
    expect(dialog).to have_attributes(routes: ["<sip:p1;lr>", "<sip:p2;lr>"], remote_target: "sip:bob@192.0.2.2", local_tag: "1",
                                      remote_tag: "2", next_cseq: 8, invite_cseq: 7, next_hop: "sip:p1;lr",
                                      way: ["sip:bob@192.0.2.2", ["<sip:p1;lr>", "<sip:p2;lr>"]])
  end

  it "has it in order at who was called (RFC 3261 12.1.1)" do
    dialog = described_class.of_request(request, "2")
    expect(dialog).to have_attributes(routes: ["<sip:p2;lr>", "<sip:p1;lr>"], remote_target: "sip:a@192.0.2.1", local_tag: "2",
                                      remote_tag: "1", next_cseq: 1, next_hop: "sip:p2;lr")
  end

  it "puts a strict router into the Request-URI (RFC 3261 12.2.1.1)" do
    text = response.bytes.sub("Record-Route: <sip:p1;lr>", "Record-Route: <sip:old>")
    expect(described_class.of_response(request, message(text)).way).to eq(["sip:old", ["<sip:p2;lr>", "<sip:bob@192.0.2.2>"]])
  end

  it "goes to the Contact without a route" do
    text = response.bytes.gsub(/Record-Route: [^\r]*\r\n/, "")
    expect(described_class.of_response(request, message(text))).to have_attributes(next_hop: "sip:bob@192.0.2.2", way: ["sip:bob@192.0.2.2", []])
  end
end
