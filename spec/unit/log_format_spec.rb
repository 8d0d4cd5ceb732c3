# frozen_string_literal: true

require "json"
require "logger"
require "stringio"
require "tmpdir"
require "oversip/log/file_target"

RSpec.describe OverSIP::Logger, ".format=" do
  let(:speaker) { Module.new { extend OverSIP::Logger } }

  before do
    speaker.instance_variable_set(:@log_id, "Who")
    @former = described_class.target
    described_class.format = "json"
  end

  after do
    described_class.format = :text
    described_class.target = @former
  end

  it "takes text and json, and suggests one of them" do
    expect(described_class.format).to eq(:json)
    expect { described_class.format = "jsn" }
      .to raise_error(OverSIP::ConfigurationError, 'unknown log format "jsn": one of text, json: did you mean \'json\'?')
  end

  it "writes objects of JSON to a file and to a logger of Ruby" do
    output = StringIO.new
    described_class.target = Logger.new(output, formatter: ->(*, message) { "#{message}\n" })
    speaker.log_warn("a \"b\"\nc")
    described_class.flush
    Dir.mktmpdir do |folder|
      described_class.target = OverSIP::Log::FileTarget.new(path = File.join(folder, "log"))
      speaker.log_warn("a \"b\"\nc")
      described_class.flush
      texts = [output.string, File.read(path)].map { |text| JSON.parse(text).except("time") }
      expect(texts).to all(eq("level" => "warn", "speaker" => "Who", "origin" => "script", "text" => "a \"b\"\\nc"))
    end
  end

  it "makes what a peer has written safe", :native do
    context = { sip_method: :INVITE, ruri: "sip:\xFF\e[1m@b".b, call_id: "1", branch: "z9hG4bK1" }
    record = OverSIP::Log::Record.new(:info, "Who", "text", system: true, context: context)
    expect(JSON.parse(OverSIP::Log::JsonLine.of(record)))
      .to include("request_uri" => "sip:\\xFF\\x1B[1m@b", "method" => "INVITE", "call_id" => "1", "transaction" => "z9hG4bK1")
  end

  it "does not ask the engine while records are text", :native do
    described_class.format = :text
    allow(OverSIP::Engine).to receive(:event_context)
    capture_log { speaker.log_warn("text") }
    expect(OverSIP::Engine).not_to have_received(:event_context)
  end
end
