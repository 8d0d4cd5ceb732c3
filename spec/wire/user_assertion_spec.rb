# frozen_string_literal: true

# RFC 3325: who has proved to be whom on a connection.
RSpec.describe OverSIP::Modules::UserAssertion, :native do
  let!(:seen) { mailbox }

  # What the module answers to requests in their order, from one client.
  def answers(client, *requests, &script)
    on_request do |request|
      seen << script.call(request)
    rescue StandardError => e
      seen << e
    end
    requests.map do |headers|
      client.send_text(client.build(:MESSAGE, "sip:bob@b.example", headers: headers), oversip_port)
      seen.pop
    end
  end

  let(:mallory) { { "From" => "<sip:mallory@a.example>;tag=m" } }
  let(:alice) { { "From" => "\"A\" <sip:alice@a.example>;tag=a" } }
  let(:anonymous) { alice.merge("P-Preferred-Identity" => "<sip:other@a.example>") }

  it "asserts the first user of a TCP connection until it is revoked" do
    start_oversip
    calls = %i[assert assert revoke assert].each
    answered = answers(tcp_peer, alice, mallory, mallory, mallory) do |request|
      calls.next == :revoke ? described_class.revoke_assertion(request) : described_class.assert_connection(request)
    end
    expect(answered).to eq ["sip:alice@a.example", "sip:alice@a.example", true, "sip:mallory@a.example"]
  end

  it "asserts nobody over UDP, and nobody who prefers another identity" do
    start_oversip
    expect(answers(udp_peer, alice) { |request| described_class.assert_connection(request) }).to eq [false]
    expect(answers(tcp_peer, anonymous) { |request| described_class.assert_connection(request) }).to eq [false]
  end

  it "adds the identity for the asserted user alone, in place of the client's own value" do
    start_oversip
    forged = { "P-Asserted-Identity" => ["<sip:ceo@a.example>", "<tel:1>"] }
    asserted = false
    answered = answers(tcp_peer, alice.merge(forged), alice.merge(forged), mallory.merge(forged), anonymous.merge(forged)) do |request|
      result = described_class.add_pai(request)
      described_class.assert_connection(request) unless asserted
      asserted = true
      [result, request.headers["P-Asserted-Identity"]]
    end
    expect(answered).to eq [[false, nil], [true, ["<sip:alice@a.example>"]], [false, nil], [nil, nil]]
  end

  it "takes a response for its request" do
    bob = udp_peer
    start_oversip do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_success_response do |response|
        seen << [described_class.assert_connection(response), request.cvars[:asserted_user],
                 described_class.revoke_assertion(response), request.cvars[:asserted_user]]
      end
      proxy.route(request, "127.0.0.1", bob.port)
    end
    client = tcp_peer
    client.send_text(client.build(:MESSAGE, "sip:bob@b.example"), oversip_port)
    bob.answer(bob.receive, 200)
    expect(seen.pop).to eq ["sip:alice@a.example", "sip:alice@a.example", true, nil]
  end

  it "asserts nobody for a response to a request of a Uac" do
    bob = udp_peer
    start_oversip
    uac = OverSIP::SIP::Uac.new
    uac.on_success_response do |response|
      seen << [described_class.assert_connection(response), described_class.revoke_assertion(response), response.to_s.lines.first]
    end
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :MESSAGE, ruri: "sip:127.0.0.1:#{bob.port}" }))
    bob.answer(bob.receive, 200, "Fine")
    expect(seen.pop).to eq [false, true, "SIP/2.0 200 Fine\r\n"]
  end

  it "wants a message" do
    %i[assert_connection revoke_assertion].each do |function|
      expect { described_class.public_send(function, :request) }
        .to raise_error(OverSIP::RuntimeError, "message must be a OverSIP::SIP::Request or OverSIP::SIP::Response")
    end
  end
end
