# frozen_string_literal: true

require "objspace"

# What the objects of messages take, their heads aside.
RSpec.describe "A message's memory", :native do
  let(:head) { <<~SIP.gsub("\n", "\r\n") }
    Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx
    From: <sip:alice@example.net>;tag=1
    To: <sip:bob@example.net>;tag=2
    Call-ID: c@example.net
    CSeq: 1 INVITE
    Max-Forwards: 70

  SIP

  def beyond_the_head(message, text) = ObjectSpace.memsize_of(message) - text.bytesize

  it "is that of a response alone in a Response: the fields of a request are a Request's" do
    request = "INVITE sip:bob@example.net SIP/2.0\r\n#{head}"
    response = "SIP/2.0 200 OK\r\n#{head}"
    sizes = [beyond_the_head(OverSIP::SIP::Request.parse(request), request),
             beyond_the_head(OverSIP::SIP::Response.parse(response), response)]
    expect(sizes).to all be_positive
    expect(sizes.first - sizes.last).to be > 100
  end
end
