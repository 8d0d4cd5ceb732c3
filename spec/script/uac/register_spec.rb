# frozen_string_literal: true

require "oversip/rspec"
require_relative "../../support/digest_challenger"

# The user agent of examples/uac/register.rb, at a registrar that the examples play.
RSpec.describe "examples/uac/register.rb", :sip, script: "examples/uac/register.rb", configuration: { sip: { enable_ipv6: false } } do
  let(:registrar) { sip.target("registrar.example") }
  let(:registration) { Registration.new("sip:alice@registrar.example", "secret") }

  # Grants what is asked for, or so many seconds.
  def grant(seconds = nil)
    registrar.answers do |request|
      contact = request.header("Contact")
      [200, { contact: seconds ? contact.sub(/expires=\d+/, "expires=#{seconds}") : contact }]
    end
  end

  it "registers its listener" do
    grant
    expect(registration.register).to eq(600)
    expect(registrar.received.last.header("Contact")).to match(/\A<sip:alice@192\.0\.2\.100:5060;line=\h{8}>;expires=600\z/)
  end

  it "keeps to the seconds that the registrar grants" do
    grant 120
    expect(registration.register).to eq(120)
  end

  it "proves its password to a registrar that challenges" do
    registrar.answers do |request|
      request.header("Authorization") ? 200 : [401, { www_authenticate: 'Digest realm="registrar.example", nonce="1"' }]
    end
    expect(registration.register).to eq(600)
    expect(registrar.received.map { |request| request.header("CSeq") }).to eq(["1 REGISTER", "2 REGISTER"])
    expect(registrar.received.last.header("Authorization")).to include('username="alice"').and include('realm="registrar.example"')
  end

  it "raises what the registrar refuses" do
    registrar.answers 403
    expect { registration.register }.to raise_error(OverSIP::Error, "403 Forbidden")
  end

  it "raises that nobody answers, after twenty seconds" do
    registrar.never_answers
    expect { registration.register }.to raise_error(OverSIP::SIP::ClientError)
    expect(sip.now).to eq(20)
  end

  it "has one Call-ID and rising numbers for all registrations" do
    grant
    2.times { registration.register }
    registration.unregister
    expect(registrar.received.map(&:call_id).uniq.size).to eq(1)
    expect(registrar.received.map(&:cseq)).to eq([1, 2, 3])
    expect(registrar.received.last.header("Contact")).to end_with(";expires=0")
  end
end
