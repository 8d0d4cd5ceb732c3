# frozen_string_literal: true

RSpec.describe OverSIP::SIP, :native do
  it "has the reason phrases by status code" do
    phrases = described_class::REASON_PHRASE
    expect([phrases.size, phrases[100], phrases[408], phrases[478], phrases[606], phrases[299]])
      .to eq [72, "Trying", "Request Timeout", "Unresolvable Destination", "Not Acceptable", nil]
    expect(phrases).to be_frozen
    expect(phrases.values).to all be_frozen
    expect(described_class::REASON_PHRASE_NOT_SET).to eq "Reason Phrase Not Set"
  end

  it "has the lines that end and name a message" do
    expect([described_class::CRLF, described_class::DOUBLE_CRLF]).to eq ["\r\n", "\r\n\r\n"]
    product = "OverSIP/#{OverSIP::VERSION}"
    expect([described_class::HDR_SERVER, described_class::HDR_USER_AGENT]).to eq ["Server: #{product}", "User-Agent: #{product}"]
    expect([described_class::HDR_SERVER, described_class::HDR_USER_AGENT, described_class::HDR_ARRAY_CONTENT_LENGTH_0])
      .to all be_frozen
    expect(described_class::HDR_ARRAY_CONTENT_LENGTH_0).to eq ["0"]
  end

  {
    T1: 0.5, T2: 4, T4: 5, TIMER_A: 0.5, TIMER_B: 32, TIMER_C: 180, TIMER_C2: 182, TIMER_D_UDP: 32, TIMER_D_TCP: 0,
    TIMER_E: 0.5, TIMER_F: 32, TIMER_G: 0.5, TIMER_H: 32, TIMER_I_UDP: 5, TIMER_I_TCP: 0, TIMER_J_UDP: 32, TIMER_J_TCP: 0,
    TIMER_K_UDP: 5, TIMER_K_TCP: 0, TIMER_L: 32, TIMER_M: 32, INT1: 3.5, INT2: 28.5
  }.each do |name, seconds|
    it "has #{name} in seconds" do
      expect(described_class.const_get(name)).to eq seconds
    end
  end

  it "has the tables that scripts look methods and transports up in" do
    expect(described_class::Message::RECORD_ROUTING_AWARE_METHODS).to eq(INVITE: true, REGISTER: true, SUBSCRIBE: true, REFER: true)
    expect(described_class::Message::OUTBOUND_AWARE_METHODS).to eq described_class::Message::RECORD_ROUTING_AWARE_METHODS
    expect(described_class::Message::EMPTY_ARRAY).to eq([]).and be_frozen
    expect(described_class::Request::SECURE_TRANSPORTS).to eq(tls: true, wss: true)
  end

  it "has the classes in their order" do
    expect(described_class::Request.ancestors).to include(described_class::Message, described_class::Core)
    expect(described_class::Response.superclass).to eq described_class::Message
    expect(described_class::NameAddr.superclass).to eq described_class::Uri
    expect(described_class::UacRequest.ancestors).not_to include(described_class::Message)
    expect([described_class::InviteServerTransaction, described_class::NonInviteServerTransaction].map(&:superclass))
      .to all eq described_class::ServerTransaction
    expect([described_class::Core, described_class::Tags, described_class::MessageProcessor]).to all be_an_instance_of(Module)
    expect(OverSIP::M).to equal OverSIP::Modules
  end

  it "has the errors in their order" do
    expect(OverSIP::Error.superclass).to eq StandardError
    expect([OverSIP::ConfigurationError, OverSIP::RuntimeError, described_class::MessageParserError].map(&:superclass))
      .to all eq OverSIP::Error
    expect(OverSIP::ParsingError.superclass).to eq OverSIP::RuntimeError
  end

  it "names what arrives at a connection" do
    expect(described_class::Connection.ancestors).to include(described_class::MessageProcessor)
    expect(described_class::Connection::MSG_TYPE)
      .to eq(described_class::Request => "SIP request", described_class::Response => "SIP response", outbound_keepalive: "Outbound keepalive")
  end
end
