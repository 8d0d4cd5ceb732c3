# frozen_string_literal: true

require "json"
require_relative "../support/server_folder"

RSpec.describe "core: log_format: json", :native do
  include ServerFolder

  let(:alice) { udp_peer }

  let(:script) do
    <<~RUBY
      def (OverSIP::SipEvents).on_request(request)
        return if request.sip_method == :ACK

        log_info "it is \\"\#{request.ruri.user}\\""
        OverSIP.await { log_notice "in work" }
        OverSIP.schedule { OverSIP::SipEvents.log_notice "later" }
        raise KeyError, "first\\nsecond"
      end
    RUBY
  end

  def records(text)
    text.lines.filter_map { |line| JSON.parse(line) if line.start_with?("{") }
  end

  it "names the request also in records of blocks that take long, and of work that has failed unnoticed" do
    folder(core: "log_format: json, callback_warning_time: 1", script: <<~RUBY)
      def (OverSIP::SipEvents).on_request(request)
        case request.sip_method
        when :OPTIONS
          OverSIP.async { raise KeyError, "unnoticed" }
          OverSIP.sleep 1.2
        when :MESSAGE then sleep 1.2
        end
        request.reply 200
      end
    RUBY
    running_oversip("--config-dir", @dir, "--no-color") do |server|
      server.wait_for(/"text":"running, process/)
      %i[OPTIONS MESSAGE].each do |method|
        alice.send_text(alice.build(method, "sip:bob@b.example"), port)
        expect(alice.receive_final.status).to eq(200)
      end
      server.wait_for(/has been running for/)
      said = records(server.output)
      { /suspended for 1 s/ => "OPTIONS", /in the work of OverSIP.async/ => "OPTIONS", /unnoticed/ => "OPTIONS", /running for 1 s/ => "MESSAGE" }
        .each do |text, method|
        expect(said.find { |record| record["text"].match?(text) })
          .to include("method" => method, "request_uri" => "sip:bob@b.example", "call_id" => String, "transaction" => /\Az9hG4bK/)
      end
    end
  end

  it "writes each record as an object in one line, with the request of its event" do
    folder(core: "log_format: json", script:)
    running_oversip("--config-dir", @dir, "--no-color") do |server|
      server.wait_for(/"text":"running, process/)
      alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example"), port)
      sent = alice.receive_final
      server.wait_for(/"text":"later"/)
      said = records(server.output)
      expect(said.find { |record| record["text"] == "it is \"bob\"" }).to match(
        "time" => /\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d\z/, "level" => "info", "speaker" => "SipEvents",
        "origin" => "script", "text" => "it is \"bob\"", "method" => "OPTIONS", "request_uri" => "sip:bob@b.example",
        "call_id" => sent.header("Call-ID"), "transaction" => sent.header("Via")[/branch=([^;]+)/, 1]
      )
      failure = said.find { |record| record["text"].include?("KeyError") }
      expect(failure).to include("level" => "error", "origin" => "library", "call_id" => sent.header("Call-ID"),
                                 "text" => /\Afirst\n    second \(KeyError\)\n.*server.rb:7/)
      expect(said.find { |record| record["text"] == "in work" }).to include("method" => "OPTIONS", "call_id" => sent.header("Call-ID"))
      expect(said.find { |record| record["text"] == "later" }.keys).to eq(%w[time level speaker origin text])
    end
  end
end
