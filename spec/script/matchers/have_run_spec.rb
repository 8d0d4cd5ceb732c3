# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe OverSIP::Testing::Matchers, "#have_run", :sip do
  include_context "with a relay"

  it "sees blocks with their arguments" do
    sip.target("gw1.example").never_answers
    call = alice.invite("sip:bob@gw1.example")
    sip.advance 32
    expect(call).to have_run(:on_error).with(408, anything, :client_timeout).once
    expect(call).not_to have_run(:on_success_response)
  end

  it "knows a response by its status, and a request by its method" do
    sip.target("gw1.example").answers 200
    call = nil
    expect { call = alice.invite("sip:bob@gw1.example") }.to have_run(:on_success_response).with(200)
    expect(call).to have_run(:on_request).with(:INVITE)
    expect(call).not_to have_run(:on_success_response).with(202)
  end

  it "says that no block has run" do
    expect(failure { expect(sip).to have_run(:on_error) }).to eq("expected the element to have run on_error, but no block has run")
  end

  it "says which blocks have run" do
    call = alice.invite("sip:nobody@example.com")
    expect(failure { expect(call).to have_run(:on_error).with(408, anything, :client_timeout) })
      .to match(/\Aexpected the INVITE of alice to have run on_error with 408, anything, :client_timeout, but only these have run:
  0 s  on_request with INVITE sip:nobody@example.com at toolkit_relay.rb:\d+\z/)
  end

  it "says which blocks must not have run" do
    call = alice.invite("sip:nobody@example.com")
    expect(failure { expect(call).not_to have_run(:on_request) })
      .to match(/\Aexpected the INVITE of alice not to have run on_request, but it ran .*:\n  0 s  on_request with INVITE/)
  end

  it "refuses a name that no block has, which could never run" do
    expect { expect(sip).not_to have_run(:on_eror) }
      .to raise_error(ArgumentError, "no block is called on_eror: did you mean 'on_error'?")
  end
end
