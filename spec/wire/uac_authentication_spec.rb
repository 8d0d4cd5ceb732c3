# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/digest_challenger"

# RFC 7616, RFC 8760, RFC 3261 22. OpenSSL decides whether an answer is right.
RSpec.describe "A Uac that is challenged", :native do
  let(:server) { udp_peer }
  let(:seen) { mailbox }
  let(:credentials) { { username: "alice", password: "secret" } }
  let(:profile) { { timer_F: 2 } }

  before do
    start_oversip(proxies: { default_proxy: profile })
    OverSIP::Testing.freeze
  end

  def uac(**options)
    OverSIP::SIP::Uac.new(**options).tap { |made| record(made, into: seen) }
  end

  def request(method: :REGISTER, body: nil, **data)
    @request = OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: "sip:127.0.0.1:#{server.port}", cseq: 7 }.merge(data), [], body)
  end

  # @return [SipText] what the server got
  def send_request(client: nil, **data)
    (client || uac(credentials: credentials)).route(request(**data))
    server.receive
  end

  %w[MD5 SHA-256 SHA-512-256 MD5-sess SHA-256-sess SHA-512-256-sess].each do |algorithm|
    ["auth", "auth-int, auth", "auth-int"].each do |qop|
      it "answers #{algorithm} with qop #{qop}" do
        challenge_from(server, send_request(body: "text", method: :MESSAGE), algorithm: algorithm, qop: qop, opaque: "o\\\"p")
        again = server.receive
        expect(proves?(again, "secret")).to be true
        given = digest_parameters(again.header("Authorization"))
        expect(given).to include("username" => "alice", "realm" => "example.net", "nc" => "00000001", "opaque" => "o\\\"p",
                                 "qop" => qop.split(", ").last, "algorithm" => algorithm, "uri" => again.ruri)
      end
    end
  end

  it "answers a challenge without algorithm and qop, as old servers make it" do
    challenge_from(server, send_request)
    again = server.receive
    expect(proves?(again, "secret")).to be true
    expect(digest_parameters(again.header("Authorization")).keys).to eq(%w[username realm nonce uri response])
  end

  it "sends the request again to the same target, with the next CSeq and a new branch, and shows the CSeq" do
    first = send_request
    challenge_from(server, first)
    again = server.receive
    expect(again.header("CSeq")).to eq("8 REGISTER")
    expect(again.branch).not_to eq(first.branch)
    unchanged = %w[Call-ID From To Max-Forwards]
    expect(unchanged.map { |name| again.header(name) }).to eq(unchanged.map { |name| first.header(name) })
    server.answer(again, 200, "OK")
    expect([seen.pop, seen.pop]).to eq([[:target, "udp:127.0.0.1:#{server.port}"], [:success_response, 200]])
    expect(@request.cseq).to eq(8)
  end

  it "shows the CSeq of a received Request too, which the client that it came from does not see" do
    numbers = mailbox
    on_request do |received|
      client = uac(credentials: credentials)
      client.on_success_response do |response|
        numbers << [received.cseq, response.request.cseq]
        received.reply response.status_code
      end
      client.route(received, "127.0.0.1", server.port)
    end
    caller = udp_peer
    caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example", cseq: 7), oversip_port)
    challenge_from(server, server.receive)
    again = server.receive
    expect([again.header("CSeq"), proves?(again, "secret")]).to eq(["8 MESSAGE", true])
    server.answer(again, 200, "OK")
    expect(numbers.pop).to eq([8, 8])
    expect(caller.receive_final.header("CSeq")).to eq("7 MESSAGE")
  end

  it "tells a second refusal to on_failure_response and does not go on" do
    challenge_from(server, send_request, nonce: "1")
    challenge_from(server, server.receive, nonce: "2")
    seen.pop
    expect(seen.pop).to eq([:failure_response, 401])
    engine_caught_up
    expect(messages_at(server)).to be_empty
  end

  it "answers once more when only the nonce was stale" do
    challenge_from(server, send_request, nonce: "1")
    challenge_from(server, server.receive, nonce: "2", stale: true, qop: "auth")
    third = server.receive
    expect(third.header("CSeq")).to eq("9 REGISTER")
    expect(third.headers("Authorization").size).to eq(1)
    expect(digest_parameters(third.header("Authorization"))).to include("nonce" => "2", "nc" => "00000001")
    expect(proves?(third, "secret")).to be true
  end

  it "counts on when the server gives the same nonce to another request" do
    challenge_from(server, send_request, qop: "auth", nonce: "same")
    server.answer(server.receive, 200, "OK")
    uac(credentials: credentials).route(request)
    challenge_from(server, server.receive, qop: "auth", nonce: "same")
    again = server.receive
    expect(digest_parameters(again.header("Authorization"))).to include("nc" => "00000002")
    expect(proves?(again, "secret")).to be true
  end

  it "answers a proxy and then the server behind it" do
    challenge_from(server, send_request, proxy: true, realm: "proxy")
    challenge_from(server, server.receive, realm: "server")
    third = server.receive
    expect(proves?(third, "secret", header: "Proxy-Authorization")).to be true
    expect(proves?(third, "secret")).to be true
    expect(third.header("CSeq")).to eq("9 REGISTER")
  end

  it "answers all realms of one response, each with its own credentials" do
    client = uac(credentials: [{ username: "one", password: "1", realm: "first" }, { username: "two", password: "2" }])
    server.answer(send_request(client: client), 401, "Unauthorized",
                  headers: { "WWW-Authenticate" => challenge(realm: "first"), "Proxy-Authenticate" => challenge(realm: "second") })
    again = server.receive
    expect(proves?(again, "1")).to be true
    expect(proves?(again, "2", header: "Proxy-Authorization")).to be true
  end

  it "takes the topmost of several algorithms that it knows" do
    challenges = %w[SHA-3-256 SHA-256 MD5].map { |name| challenge(algorithm: name, nonce: name) }
    server.answer(send_request, 401, "Unauthorized", headers: { "WWW-Authenticate" => challenges })
    again = server.receive
    expect(again.headers("Authorization").size).to eq(1)
    expect(digest_parameters(again.header("Authorization"))).to include("algorithm" => "SHA-256", "nonce" => "SHA-256")
  end

  describe "without credentials for the realm" do
    it "tells on_failure_response" do
      challenge_from(server, send_request(client: uac))
      seen.pop
      expect(seen.pop).to eq([:failure_response, 401])
    end

    it "tells on_failure_response when there are only those of another realm" do
      challenge_from(server, send_request(client: uac(credentials: credentials.merge(realm: "other"))))
      seen.pop
      expect(seen.pop).to eq([:failure_response, 401])
    end
  end

  describe "takes its credentials" do
    def user_of(first)
      challenge_from(server, first)
      digest_parameters(server.receive.header("Authorization")).fetch("username")
    end

    let(:profile) { { credentials: { username: "profile", password: "p" } } }

    it "from the profile" do
      expect(user_of(send_request(client: uac))).to eq("profile")
    end

    it "from itself before those of the profile" do
      expect(user_of(send_request)).to eq("alice")
    end

    it "from its accessor" do
      client = uac
      client.credentials = { username: "later", password: "p" }
      expect(client.credentials).to eq({ username: "later", password: "p" })
      expect(user_of(send_request(client: client))).to eq("later")
    end

    it "from the request before all others" do
      own = { username: "request", password: "p" }
      expect(user_of(send_request(credentials: own))).to eq("request")
    end
  end

  describe "with invalid credentials:" do
    { 7 => TypeError, "alice" => TypeError, ["alice"] => TypeError, {} => ArgumentError, { username: "a" } => ArgumentError,
      { username: 1, password: "p" } => TypeError, { username: "", password: "p" } => ArgumentError,
      { username: "a\r\nb", password: "p" } => ArgumentError, { username: "\xff", password: "p" } => ArgumentError }.each do |given, error|
      it "#{given.inspect} raises #{error}" do
        expect { OverSIP::SIP::Uac.new(credentials: given) }.to raise_error(error, /credentials/)
        expect { OverSIP::SIP::Uac.new.credentials = given }.to raise_error(error, /credentials/)
      end
    end
  end

  describe "with an INVITE" do
    it "acknowledges the challenge, and its own ACK for the 2xx carries the answer" do
      client = uac(credentials: credentials)
      client.on_success_response { |response| client.ack(response) }
      challenge_from(server, send_request(client: client, method: :INVITE), proxy: true)
      ack, again = [server.receive, server.receive].partition { |message| message.method_name == "ACK" }.map(&:first)
      expect([ack.header("CSeq"), again.header("CSeq")]).to eq(["7 ACK", "8 INVITE"])
      server.answer(again, 200, "OK")
      ack = server.receive
      expect(ack.header("CSeq")).to eq("8 ACK")
      expect(ack.header("Proxy-Authorization")).to eq(again.header("Proxy-Authorization"))
    end

    it "has its answer in an ACK that the script makes and sends by the same Uac" do
      client = uac(credentials: credentials)
      client.on_success_response do |response|
        client.route(OverSIP::SIP::UacRequest.new({ sip_method: :ACK, ruri: @request.ruri, from_tag: @request.from_tag,
                                                    to_tag: response.to_tag, call_id: @request.call_id, cseq: @request.cseq }))
      end
      challenge_from(server, send_request(client: client, method: :INVITE))
      again = server.receive_until { |message| message.header("CSeq") == "8 INVITE" }
      server.answer(again, 200, "OK")
      ack = server.receive
      expect([ack.header("CSeq"), ack.headers("Authorization")]).to eq(["8 ACK", again.headers("Authorization")])
    end

    it "cancels the request that is out, not the challenged one" do
      client = uac(credentials: credentials)
      challenge_from(server, send_request(client: client, method: :INVITE))
      again = server.receive_until { |message| message.header("CSeq") == "8 INVITE" }
      server.answer(again, 180)
      eventually { seen.all.include?([:provisional_response, 180]) }
      client.cancel
      cancel = server.receive_until { |message| message.method_name == "CANCEL" }
      expect([cancel.header("CSeq"), cancel.branch]).to eq(["8 CANCEL", again.branch])
    end

    it "sends nothing again when it was cancelled meanwhile" do
      client = uac(credentials: credentials)
      first = send_request(client: client, method: :INVITE)
      server.answer(first, 180)
      eventually { seen.all.include?([:provisional_response, 180]) }
      client.cancel
      server.receive_until { |message| message.method_name == "CANCEL" }
      challenge_from(server, first)
      expect(server.receive.header("CSeq")).to eq("7 ACK")
      expect([seen.pop, seen.pop]).to eq([[:canceled], [:failure_response, 401]])
    end
  end

  it "tells on_error when the target falls silent after its challenge" do
    quiet = udp_peer
    uac(credentials: credentials).route(request, "127.0.0.1", quiet.port)
    challenge_from(quiet, quiet.receive)
    expect(quiet.receive.header("CSeq")).to eq("8 REGISTER")
    OverSIP::Testing.advance(2)
    expect([seen.pop, seen.pop]).to eq([[:target, "udp:127.0.0.1:#{quiet.port}"], [:error, 408, "Client Timeout", :client_timeout]])
  end
end
