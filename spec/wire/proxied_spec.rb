# frozen_string_literal: true

# What a Proxy has done with a request, to be seen at the request.
RSpec.describe "A request that a Proxy has sent", :native do
  let!(:callee) { udp_peer }
  let!(:seen) { mailbox }

  # What the request says before it is routed, and when its response is there.
  def said(method, profile: {}, **options, &setup)
    start_relay_to(callee, profile: profile) do |proxy, request|
      setup&.call(request)
      before = [request.proxied, request.in_rr]
      proxy.on_success_response { seen << [before, [request.proxied, request.in_rr]] }
    end
    call_from(udp_peer, method, **options)
    callee.answer(callee.receive, 200)
    seen.pop
  end

  {
    "an initial INVITE" => [:INVITE, {}, :rr],
    "a REGISTER" => [:REGISTER, { headers: { "Supported" => "path" } }, :path],
    "a REGISTER whose client does not support Path" => [:REGISTER, {}, nil],
    "a MESSAGE" => [:MESSAGE, {}, nil],
    "an INVITE within a dialog" => [:INVITE, { to_tag: "t" }, nil],
    "an INVITE without record-routing" => [:INVITE, { profile: { do_record_routing: false } }, nil]
  }.each do |what, (method, options, in_rr)|
    it "says so, and what was added to #{what}: #{in_rr.inspect}" do
      expect(said(method, **options)).to eq [[nil, nil], [true, in_rr]]
    end
  end

  { INVITE: :outgoing_outbound_rr, REGISTER: :outgoing_outbound_path }.each do |method, in_rr|
    it "says that further requests come over the flow of a client behind NAT: #{method}" do
      expect(said(method, headers: { "Supported" => "path" }, &:fix_nat)).to eq [[nil, nil], [true, in_rr]]
    end
  end

  it "says what the script has set instead" do
    expect(said(:INVITE) { |request| request.in_rr = :mine }).to eq [[nil, :mine], [true, :mine]]
  end
end
