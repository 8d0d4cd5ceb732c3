# frozen_string_literal: true

# spec/server_spec.rb: what server.rb does, shown on a simulated network. The engine is the real one, no socket is opened,
# and the clock moves when an example says so. `rspec` in the folder of server.rb runs it. docs/testing.md has recipes.

require "oversip/rspec"

RSpec.describe "server.rb", :sip, script: "server.rb", proxies: "proxies.conf", configuration: "oversip.conf" do
  let(:home) { sip.target(HOME_SERVER[0], port: HOME_SERVER[1], transport: HOME_SERVER[2]) }
  let(:alice) { sip.client(:alice) }
  # Behind a NAT: its Via and Contact have an address that nobody else can reach.
  let(:phone) { sip.client(:phone, behind_nat: true) }
  let(:unknown_dialog) { "<sip:bob@example.com>;tag=unknown" }

  before { home.answers 180, 200 }

  # @return [Array<String>] the Path of the phone's registration
  def path_of_phone
    phone.register
    home.received.last.headers("Path")
  end

  it "says at the start what the home server is" do
    expect(sip).to have_logged("ready, the home server is #{HOME_SERVER[0]}:#{HOME_SERVER[1]}").once
  end

  it "logs figures when the user asks for them" do
    expect { OverSIP::SystemEvents.on_user_reload }.to have_logged("transactions").with(severity: :notice)
  end

  it "says that it is available" do
    expect(alice.options).to be_answered.with(200).by(:element)
  end

  it "answers 483 to a request that has come too far" do
    message = alice.message("sip:bob@example.com", max_forwards: 0)
    expect(message).to be_answered.with(483).by(:element)
    expect(sip).not_to have_logged("refused") # nothing is tried with it afterwards
  end

  describe "a call of a client" do
    it "goes to the home server, and both sides can talk in it and end it" do
      call = alice.invite "sip:bob@example.com"
      expect(call).to be_answered.by(home)
      expect(call).to be_relayed_to(home).with(ruri: "sip:bob@example.com")
      expect(call).to keep_dialog_routable
      expect { call.hang_up }.to send_sip(:BYE).to(home)
    end

    it "reaches a client behind NAT from the other side" do
      phone.invite "sip:bob@example.com"
      expect { home.calls.last.hang_up }.to send_sip(:BYE).to(phone)
    end

    it "fails when the home server is silent, and the log says so" do
      home.never_answers
      call = alice.invite "sip:bob@example.com"
      sip.advance 32
      expect(call).to be_answered.with(408).by(:element).after(32)
      expect(sip).to have_logged("INVITE sip:bob@example.com: 408 Client Timeout (client_timeout)").with(severity: :warn)
    end
  end

  describe "another request of a client" do
    it "goes to the home server" do
      expect(alice.options("sip:bob@example.com")).to be_answered.by(home)
    end

    it "goes nowhere else, whatever its Route says" do
      message = alice.message("sip:bob@example.com", route: "<sip:192.0.2.66;lr>")
      expect(message).to have_tried(home)
      expect(message).to be_relayed_to(home).with(headers: { "Route" => nil })
    end
  end

  describe "a request of the home server" do
    it "reaches a client over the flow of its registration" do
      call = home.invite("sip:phone@10.0.0.1", route: path_of_phone)
      expect(call).to be_answered.by(phone)
      expect(call).to be_relayed_to(phone).with(headers: { "Route" => nil })
    end

    it "goes to its Request-URI without one" do
      sip.target("gw1.example").answers 200
      expect(home.invite("sip:15550100@gw1.example")).to be_answered.by("gw1.example")
    end

    it "keeps the Contact of the home server" do
      call = home.invite("sip:phone@10.0.0.1", contact: "<sip:home@192.0.2.70>", route: path_of_phone)
      expect(call).to be_relayed_to(phone).with(headers: { "Contact" => "<sip:home@192.0.2.70>" })
    end
  end

  describe "an in-dialog request" do
    it "gets 403 when its dialog did not come by here" do
      expect(alice.request(:BYE, "sip:bob@example.com", to: unknown_dialog)).to be_answered.with(403).by(:element)
    end

    # The script's own check, for folders with `require_own_route: no`.
    context "without a Route, when require_own_route is off", configuration: { sip: { require_own_route: false } } do
      it "gets 404" do
        bye = alice.request(:BYE, "sip:bob@example.com", to: unknown_dialog)
        expect(bye).to be_answered.with(404, "In-dialog Request without Route to Here").by(:element)
      end

      it "gets nothing if it is an ACK" do
        expect { alice.request(:ACK, "sip:bob@example.com", to: unknown_dialog) }.not_to send_sip
      end
    end
  end

  it "drops an ACK outside of dialogs" do
    expect { alice.request(:ACK, "sip:bob@example.com") }.not_to send_sip
  end
end
