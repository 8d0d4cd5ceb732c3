# frozen_string_literal: true

require_relative "../support/asked_server"

# What the engine's rows become for Ruby.
RSpec.describe "OverSIP.trace", :native do
  include AskedServer

  let(:secret) do
    bytes = "INVITE sip:bob@example.com SIP/2.0\r\nAuthorization: secret\r\nTo: <sip:bob@example.com>\r\nCall-ID: three\r\nCSeq: 1 INVITE\r\n\r\n"
    call_record(message(2.0, :alice, :oversip, bytes: bytes))
  end

  before do
    records = [a_call("one", "200 OK"), a_call("two", "486 Busy Here", at: 1.0, to: "carol"), secret]
    text = TraceRows.lines([TraceRows.head_row, *records.flat_map { |record| TraceRows.rows(record) }])
    allow(OverSIP::Engine).to receive(:trace_rows).and_return(text)
  end

  def calls(...)
    OverSIP.trace(...).calls.keys
  end

  it "has the calls that are asked for" do
    expect([calls, calls(failed: true), calls(to: "bob"), calls(call_id: "two"), calls(last: 1), calls(slow: 0.05, last: 1), calls { |call| call.to?("carol") }])
      .to eq([%w[one two three], %w[two], %w[one three], %w[two], %w[three], %w[two], %w[two]])
  end

  it "asks the engine for no more calls than it needs" do
    calls(call_id: "two")
    calls(last: 1)
    calls(last: 1, failed: true)
    calls(last: 1) { true }
    [[nil, "two", nil], [1, nil, nil]].each { |arguments| expect(OverSIP::Engine).to have_received(:trace_rows).with(*arguments).once }
    expect(OverSIP::Engine).to have_received(:trace_rows).with(nil, nil, nil).twice
  end

  it "leaves out what is secret unless it is asked for" do
    expect(OverSIP.trace(call_id: "three").messages.first.redacted).to eq(["Authorization"])
    expect(OverSIP.trace(call_id: "three", unredacted: true).messages.first.header("Authorization")).to eq("secret")
  end

  it "knows the time of day" do
    expect(OverSIP.trace(last: 1).began_at).to eq(Time.at(TraceRows::BEGAN_AT))
  end

  it "refuses what is no condition before it asks the engine" do
    expect { OverSIP.trace(call_id: 5) }.to raise_error(TypeError, /call_id has to be String, not 5/)
    expect { OverSIP.trace(last: -1) }.to raise_error(ArgumentError, /last has to be a number of calls/)
    expect(OverSIP::Engine).not_to have_received(:trace_rows)
  end
end
