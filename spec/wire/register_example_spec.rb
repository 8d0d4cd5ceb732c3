# frozen_string_literal: true

require_relative "../support/child_script"
require_relative "../support/digest_challenger"

# examples/uac/register.rb as a user runs it.
RSpec.describe "examples/uac/register.rb", :native do
  include ChildScript

  let(:registrar) { udp_peer }

  def running_example(*arguments, password: "secret")
    script = Command::Running.new([RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"),
                                   File.join(Command::ROOT, "examples/uac/register.rb"), *arguments], environment: { "PASSWORD" => password })
    yield script
  ensure
    script&.kill
  end

  # Answers a REGISTER as a registrar does, after a challenge.
  def accept_registration(granted:)
    challenge_from(registrar, registrar.receive, algorithm: "SHA-256", qop: "auth")
    request = registrar.receive
    contact = request.header("Contact").sub(/expires=\d+/, "expires=#{granted}")
    registrar.answer(request, 200, "OK", headers: { "Contact" => contact })
    request
  end

  it "registers with its password, again before the time ends, and takes the registration back at Ctrl-C" do
    running_example("sip:alice@home.example", registrar.address) do |script|
      first = accept_registration(granted: 11)
      expect(proves?(first, "secret")).to be true
      expect([first.ruri, first.header("To"), first.header("CSeq")]).to eq(["sip:home.example", "<sip:alice@home.example>", "2 REGISTER"])
      script.wait_for(/^registered for 11 s$/)
      again = accept_registration(granted: 600)
      expect([again.header("Call-ID"), again.header("CSeq")]).to eq([first.header("Call-ID"), "4 REGISTER"])
      script.wait_for(/^registered for 600 s$/)
      script.signal("INT")
      expect(accept_registration(granted: 0).header("Contact")).to end_with(";expires=0")
      output, status = end_of(script, limit: SipPeer::LIMIT)
      expect([output.lines.last, status.success?]).to eq(["no longer registered\n", true])
    end
  end

  it "says that the registrar refuses" do
    running_example("sip:alice@home.example", registrar.address, password: "wrong") do |script|
      2.times { |index| challenge_from(registrar, registrar.receive, nonce: index.to_s) }
      output, status = end_of(script, limit: SipPeer::LIMIT)
      expect([output, status.exitstatus]).to eq(["not registered: 401 Unauthorized\n", 1])
    end
  end

  it "takes an IPv6 address as its server, and says how to write one" do
    registrar = udp_peer("::1")
    running_example("sip:alice@home.example", "[::1]:#{registrar.port}") do |script|
      registrar.answer(registrar.receive, 403, "Forbidden")
      output, status = end_of(script, limit: SipPeer::LIMIT)
      expect([output, status.exitstatus]).to eq(["not registered: 403 Forbidden\n", 1])
    end
    running_example("sip:alice@home.example", "::1") do |script|
      output, status = end_of(script, limit: SipPeer::LIMIT)
      expect([output, status.exitstatus]).to eq(["not registered: the server must be HOST:PORT or [IPV6]:PORT, not ::1\n", 1])
    end
  end

  it "reports a missing answer" do
    running_example("sip:alice@home.example", "127.0.0.1:#{dead_port}") do |script|
      output, status = end_of(script, limit: SipPeer::LIMIT)
      expect([output, status.exitstatus]).to eq(["not registered: 500 Connection Error (connection_error)\n", 1])
    end
  end
end
