# frozen_string_literal: true

require "oversip/call_record"
require_relative "../../support/recorded_calls"

# What Mermaid makes of it: spec/wire/html_ladder_spec.rb.
RSpec.describe OverSIP::CallRecord::MermaidLadder do
  include RecordedCalls

  def lines(*events, **options)
    described_class.new(call_record(*events), **options).to_s.lines(chomp: true).map(&:strip)
  end

  it "has parties, messages, blocks and what the element does" do
    expect(lines(message(0.0, :alice, :oversip), block(:on_request, subject: "INVITE", exception: KeyError.new("no")), message(1.5, :oversip, :gw1),
                 message(2.0, :gw1, :oversip, "SIP/2.0 486 Busy Here"), message(2.0, :oversip, :alice, "SIP/2.0 486 Busy Here", fate: :lost)))
      .to eq ["sequenceDiagram", "participant p0 as alice<br/>198.51.100.1:5060", "participant p1 as oversip<br/>192.0.2.100:5060",
              "participant p2 as gw1.example<br/>192.0.2.1:5060", "p0->>p1: 0.000 INVITE sip:bob@example.com",
              "Note over p1: 0.000 on_request INVITE (server.rb:12)<br/>raised KeyError: no", "p1->>p2: 1.500 INVITE sip:bob@example.com",
              "p2-->>p1: 2.000 486 Busy Here", "p1--xp0: 2.000 486 Busy Here lost"]
  end

  it "leaves nothing that means something to Mermaid" do
    hostile = "x; end\nNote over p0: <b>#%%{}$ style:ä wrap:\u202e"
    expect(lines(note(hostile)).last(2))
      .to eq ["participant p0 as oversip",
              "Note over p0: 0.000 x#59; end#92;x0ANote over p0: #60;b#62;#35;#37;#37;#123;#125;#36; styl#101;:#228; wrap:#92;u#123;202E#125;"]
  end

  it "takes milliseconds, and no other unit" do
    expect(lines(message(1.5, :alice, :oversip), unit: :milliseconds).last).to start_with("p0->>p1: 1500.0 INVITE")
    expect { lines(unit: :hours) }.to raise_error(ArgumentError)
  end

  it "draws a record without events" do
    expect(lines).to eq ["sequenceDiagram", "participant p0 as oversip"]
  end
end
