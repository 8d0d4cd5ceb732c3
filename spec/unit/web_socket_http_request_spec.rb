# frozen_string_literal: true

RSpec.describe "OverSIP::WebSocket::HttpRequest", :native do
  def receive(attributes = {}, headers = [])
    OverSIP::WebSocket::HttpRequest.receive(nil, attributes, headers)
  end

  it "is a Hash of all raw values by name" do
    request = receive({}, [["Cookie", "a=1"], ["X_Foo", " "], ["Cookie", "b=2"]])
    expect(request).to eq("Cookie" => ["a=1", "b=2"], "X_Foo" => [" "])
    expect(request["cookie"]).to be_nil
  end

  it "has Symbols for the usual methods" do
    expect(%w[GET POST OPTIONS].map { |name| receive({ http_method: name }).http_method }).to eq(%i[GET POST OPTIONS])
  end

  it "says of any other method that it does not know it" do
    expect(receive({ http_method: "PUT" })).to have_attributes(http_method: "PUT", unknown_method?: true)
    expect(receive({ http_method: "GET" }).unknown_method?).to be(false)
  end

  it "has nil for headers that were not sent" do
    expect(receive({ http_method: "GET", host: nil }))
      .to have_attributes(host: nil, port: nil, uri_query: nil, uri_scheme: nil, content_length: nil, hdr_origin: nil)
  end
end
