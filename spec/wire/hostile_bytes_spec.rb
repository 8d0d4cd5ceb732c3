# frozen_string_literal: true

require "oversip/call_record"

# What a peer has written may be anything: whoever looks at a running server sees it, and nothing happens by it.
RSpec.describe "Hostile bytes in messages", :native do
  let!(:mallory) { udp_peer }

  # Markup, a command of Mermaid's, of terminals and of their titles, marks that turn the direction of writing, bytes that are no UTF-8.
  let(:markup) { "<script>alert(1)</script>;%%{init: {}}%%\u202E\u2066gpj.exe \xFF" }
  let(:commands) { "\e]0;title\a\e[31m\u0085" }

  # What may not reach anybody's eyes as it is.
  let(:hidden) { /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069]/ }

  def send_hostile
    mallory.send_text(mallory.build(:MESSAGE, "sip:bob@b.example", call_id: "<b>1", headers: { "From" => "\"#{markup}\" <sip:m@a.example>;tag=1", "Subject" => markup }), oversip_port)
    mallory.receive
    mallory.send_text(mallory.build(:MESSAGE, "sip:bob@b.example", call_id: "<b>2", headers: { "Subject" => commands }), oversip_port)
    expect(mallory.receive.status).to eq 400
  end

  it "are shown by their numbers in terminals, pictures, diagrams and logs" do
    log = capture_log do
      start_oversip(configuration: { trace: { enabled: true }, core: { syslog_level: "debug" } }) do |request|
        OverSIP::Logger.record(:info, "script", "from #{request.from.display_name}, #{request.header("Subject")}", nil)
        request.reply(404, markup.scrub("?"))
        raise ArgumentError, markup
      end
      send_hostile
      everything_done
    end
    record = OverSIP.trace
    expect(record.calls.keys).to include("<b>1")
    shown = [OverSIP::CallRecord::TextLadder.new(record, width: 200), OverSIP::CallRecord::SvgLadder.new(record), OverSIP::CallRecord::MermaidLadder.new(record),
             OverSIP::CallRecord::HtmlLadder.new(record)].map(&:to_s)
    expect(shown).to all(match(/\\u\{?202E|#123;202E/))
    expect([*shown, *log.map(&:body)].grep(hidden)).to eq []
    expect(shown.drop(1)).to all(satisfy { |text| !text.include?("<script>alert") })
    expect(log.map(&:body).join).to include("\\u{202E}\\u{2066}gpj.exe \\xFF")
  end
end
