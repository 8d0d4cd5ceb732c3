# frozen_string_literal: true

require_relative "../../support/inner_rspec"

RSpec.describe "oversip/rspec beside WebMock" do
  spec = <<~'RUBY'
    require "net/http"
    require "webmock/rspec"
    require "oversip/rspec"

    RSpec.describe "A block that asks HTTP", :sip do
      sip_script do |request|
        answer = Net::HTTP.get_response(URI("http://directory.example/#{request.ruri.user}"))
        request.reply(answer.code.to_i)
      end

      it "gets what WebMock has" do
        stub_request(:get, "http://directory.example/bob").to_return(status: 404)
        expect { sip.client(:alice).options("sip:bob@example.com") }.to reply_with(404)
        expect(a_request(:get, "http://directory.example/bob")).to have_been_made.once
      end

      it "fails where WebMock has nothing" do
        sip.client(:alice).options("sip:carol@example.com")
      end
    end
  RUBY

  it "fails an example whose block asks what WebMock does not know" do
    outcome = InnerRspec.run_rspec({ "spec/server_spec.rb" => spec }, "spec/server_spec.rb")
    expect(outcome.passed).to eq(["gets what WebMock has"])
    failure = outcome.examples.fetch("fails where WebMock has nothing").fetch("exception")
    expect(failure["class"]).to eq("WebMock::NetConnectNotAllowedError")
    expect(failure["message"]).to include("GET http://directory.example/carol").and match(/alice +oversip/)
  end
end
