# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"
require_relative "../support/tls_peer"

# DNS is not trusted: whatever servers it names, the certificate has to be that of the domain asked for (RFC 5922 4).
RSpec.describe "A sips domain whose servers DNS names", :native do
  let(:seen) { mailbox }

  def start(server)
    dns = scripted_dns({ "relay.example" => [{ naptr: [1, 1, "s", "SIPS+D2T", "_sips._tcp.relay.example"] }],
                         "_sips._tcp.relay.example" => [{ srv: [0, 0, server.port, "h.example"] }],
                         "h.example" => ["127.0.0.1"] })
    configuration = tls_configuration(Certificates.for_name("own.example")).merge(core: { nameservers: [dns.address] })
    start_oversip(configuration: configuration, proxies: { default_proxy: { verify_server: true } })
    uac = record(OverSIP::SIP::Uac.new, into: seen)
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sips:bob@relay.example" }))
  end

  it "is reached by TLS, by its own name" do
    server = tls_server(Certificates.for_name("relay.example"))
    start(server)
    peer = server.accept
    peer.answer(peer.receive, 200)
    expect([seen.pop, seen.pop]).to eq([[:target, "tls:127.0.0.1:#{server.port}"], [:success_response, 200]])
    expect(server.server_name).to eq("relay.example")
  end

  it "is not reached at a server that only has the name DNS gave it" do
    server = tls_server(Certificates.for_name("h.example"))
    start(server)
    expect(server.accept_refused).to be_empty
    expect([seen.pop, seen.pop]).to eq([[:target, "tls:127.0.0.1:#{server.port}"],
                                        [:error, 500, "TLS Validation Failed", :tls_validation_failed]])
  end
end
