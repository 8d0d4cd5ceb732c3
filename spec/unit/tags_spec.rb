# frozen_string_literal: true

RSpec.describe OverSIP::SIP::Tags, :native do
  it "makes To tags that this process recognises" do
    tags = Array.new(2) { described_class.totag_for_sl_reply }
    expect(tags.uniq.size).to eq 2
    expect(tags).to all match(/\A\h{8}\.\h{8}\z/)
    expect(tags.map { |tag| tag[0, 9] }.uniq.size).to eq 1
    expect(described_class.check_totag_for_sl_reply(tags.first)).to eq 0
  end

  it "recognises no other tags, be they on a line of their own" do
    tag = described_class.totag_for_sl_reply
    [nil, "", "x#{tag}", "x\n#{tag}", tag[0, 8], tag.sub(".", "x")].each do |other|
      expect(described_class.check_totag_for_sl_reply(other)).to be_nil
    end
  end

  it "has one ovid for the process" do
    ovid = described_class.value_for_route_ovid
    expect(ovid).to match(/\A\h{8}\z/).and eq(described_class.value_for_route_ovid)
    expect([ovid, "#{ovid}0", "", nil].map { |value| described_class.check_value_for_route_ovid(value) })
      .to eq [true, false, false, nil]
  end

  it "keeps its marks from one start to the next, and the engine uses them" do
    ovid = described_class.value_for_route_ovid
    tag = described_class.totag_for_sl_reply
    seen = mailbox
    2.times do
      port = start_oversip { |request| request.reply(404) }
      alice = udp_peer
      alice.send_text(alice.build(:OPTIONS, "sip:x.example"), port)
      seen << alice.receive_final.to_tag
      OverSIP.stop(timeout: 0)
    end
    expect(seen.all.map { |other| other[0, 9] }).to eq [tag[0, 9]] * 2
    expect(described_class.value_for_route_ovid).to eq ovid
  end

  describe ".create_antiloop_id" do
    def request(ruri: "sip:a@b", call_id: "c", route: nil)
      text = "BYE #{ruri} SIP/2.0\r\nCall-ID: #{call_id}\r\n#{"Route: #{route}\r\n" if route}\r\n"
      OverSIP::SIP::Request.parse(text)
    end

    def id(**parts)
      described_class.create_antiloop_id(request(**parts))
    end

    it "depends on Request-URI, Call-ID and the URI of the first Route" do
      expect(id).to match(/\A\h{32}\z/).and eq(id)
      others = [id(ruri: "sip:x@b"), id(call_id: "d"), id(route: "<sip:r>"), id(route: "<sip:s>")]
      expect([id, *others].uniq.size).to eq 5
      expect(id(route: "\"N\" <sip:r>;x")).to eq id(route: "<sip:r>")
      expect(id(route: "<sip:r>, <sip:s>")).to eq id(route: "<sip:r>")
    end

    it "follows an edited Request-URI" do
      edited = request
      edited.ruri = "sip:x@b"
      expect(described_class.create_antiloop_id(edited)).to eq id(ruri: "sip:x@b")
    end

    it "is that of a UacRequest too" do
      uac_request = OverSIP::SIP::UacRequest.new({ sip_method: :BYE, ruri: "sip:a@b", call_id: "c" })
      expect(uac_request.antiloop_id).to eq id
    end
  end
end
