# frozen_string_literal: true

# Client, Proxy and Uac before anything is sent.
RSpec.describe OverSIP::SIP::Client, :native do
  before { start_oversip(proxies: { default_proxy: {}, "other" => { timer_B: 4 } }) }

  [described_class, OverSIP::SIP::Proxy, OverSIP::SIP::Uac].each do |kind|
    describe kind do
      it "takes the name of a profile as Symbol or String, default_proxy without one" do
        expect { [kind.new, kind.new(:other), kind.new("other")] }.not_to raise_error
      end

      it "raises for a profile that is not defined" do
        expect { kind.new(:unknown) }.to raise_error(OverSIP::RuntimeError, "proxy profile 'unknown' is not defined")
        expect { kind.new("unknown") }.to raise_error(OverSIP::RuntimeError, "proxy profile 'unknown' is not defined")
      end

      it "names the remedy before OverSIP.start" do
        OverSIP.stop(timeout: 0)
        OverSIP.proxies = nil
        expect { kind.new }.to raise_error(OverSIP::RuntimeError, /proxy profile 'default_proxy' is not defined: .* call OverSIP.start first/)
      end

      it "raises TypeError unless the name is a Symbol or a String" do
        expect { kind.new(42) }.to raise_error(TypeError)
      end

      it "has no request and no target before route" do
        expect([kind.new.request, kind.new.current_target]).to eq([nil, nil])
      end

      it "has its own state" do
        first = kind.new
        second = kind.new
        first.on_target { :mine }
        expect(second).not_to equal(first)
        expect(second.hash).not_to eq(first.hash)
      end
    end
  end

  it "wants a Request in Proxy#route" do
    message = "request must be a OverSIP::SIP::Request instance"
    request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:a@b.example" })
    [nil, "text", Object.new, request].each do |wrong|
      expect { OverSIP::SIP::Proxy.new.route(wrong) }.to raise_error(OverSIP::RuntimeError, message)
    end
  end

  it "wants a UacRequest or Request in Uac#route" do
    message = "request must be a OverSIP::SIP::UacRequest or OverSIP::SIP::Request instance"
    [nil, "text", Object.new].each do |wrong|
      expect { OverSIP::SIP::Uac.new.route(wrong) }.to raise_error(OverSIP::RuntimeError, message)
    end
  end

  it "wants a host as String, a port that is one, and a transport as Symbol" do
    request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:a@b.example" })
    route = ->(*destination) { OverSIP::SIP::Uac.new.route(request, *destination) }
    expect { route.call(42) }.to raise_error(TypeError)
    expect { route.call("127.0.0.1", "5060") }.to raise_error(TypeError)
    expect { route.call("127.0.0.1", 0) }.to raise_error(OverSIP::RuntimeError, /dst_port/)
    expect { route.call("127.0.0.1", 65_536) }.to raise_error(OverSIP::RuntimeError, /dst_port/)
    expect { route.call("127.0.0.1", 5060, "udp") }.to raise_error(TypeError)
  end

  it "raises in route after the end of the engine" do
    uac = OverSIP::SIP::Uac.new
    request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:a@127.0.0.1" })
    OverSIP.stop(timeout: 0)
    expect { uac.route(request) }.to raise_error(OverSIP::RuntimeError, /OverSIP.start/)
  end

  describe OverSIP::SIP::RFC3263::Target do
    it "is a Struct of transport, ip, ip_type and port" do
      target = described_class.new(:tls, "2001:db8::1", :ipv6, 5061)
      expect([target.to_a, target[:port], target.to_s]).to eq([[:tls, "2001:db8::1", :ipv6, 5061], 5061, "tls:[2001:db8::1]:5061"])
      expect(described_class.new(:udp, "192.0.2.1", :ipv4, 5060).to_s).to eq("udp:192.0.2.1:5060")
      expect(target).to eq(target.dup)
    end
  end
end
