# frozen_string_literal: true

require_relative "../support/callbacks"

# Scripts derive their own classes from Client, Proxy and Uac.
RSpec.describe "A subclass", :native do
  let(:seen) { mailbox }
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  # Routes with a header of its own and counts the responses.
  counting_proxy = Class.new(OverSIP::SIP::Proxy) do
    attr_reader :label, :statuses

    def initialize(label, profile = :default_proxy)
      super(profile)
      @label = label
      @statuses = []
      on_success_response { |response| @statuses << response.status_code }
    end

    def route(request, *destination)
      request.set_header("X-Label", label)
      super
    end

    def on_failure_response(&block)
      super do |response|
        @statuses << response.status_code
        block.call(response)
      end
    end
  end

  describe "of Proxy" do
    it "routes with its own route, which calls super, and keeps its instance variables" do
      proxies = mailbox
      start_oversip do |request|
        proxy = counting_proxy.new("mine")
        proxies << proxy
        proxy.route(request, "127.0.0.1", bob.port)
      end
      call_from(alice, :MESSAGE)
      request = bob.receive
      bob.answer(request, 200)
      expect(alice.receive_final.status).to eq(200)
      proxy = proxies.pop
      expect([request.header("X-Label"), proxy.label, proxy.statuses]).to eq(["mine", "mine", [200]])
    end

    it "wraps a block in its own on_failure_response, which calls super with another block" do
      proxies = mailbox
      start_oversip do |request|
        proxies << (proxy = counting_proxy.new("mine"))
        proxy.on_failure_response { |response| seen << response.status_code }
        proxy.route(request, "127.0.0.1", bob.port)
      end
      call_from(alice, :MESSAGE)
      bob.answer(bob.receive, 404)
      expect(alice.receive_final.status).to eq(404)
      expect([seen.pop, proxies.pop.statuses]).to eq([404, [404]])
    end

    it "overrides drop_response, abort_routing and add_target_to_blacklist, and calls super in them" do
      kind = Class.new(OverSIP::SIP::Proxy) do
        attr_accessor :calls

        def drop_response(*)
          (calls << :drop_response) && super
        end

        def abort_routing
          (calls << :abort_routing) && super
        end

        def add_target_to_blacklist(*)
          (calls << :add_target_to_blacklist) && super
        end
      end
      start_relay_to(bob) do |_, request|
        proxy = kind.new
        proxy.calls = seen
        proxy.on_target { proxy.add_target_to_blacklist(60) && proxy.abort_routing }
        proxy.on_error { |*error| (seen << error) && proxy.drop_response }
        proxy.route(request, "127.0.0.1", dead_port)
        request.reply 404
      end
      call_from(alice, :MESSAGE)
      expect(alice.receive_final.status).to eq(404)
      expect(seen.all).to eq([:add_target_to_blacklist, :abort_routing, [403, "Destination Aborted", :destination_aborted],
                              :drop_response])
      expect(OverSIP.proxies[:default_proxy][:blacklist].size).to eq(1)
    end

    it "that forgets super in initialize raises a clear error when it is used" do
      kind = Class.new(OverSIP::SIP::Proxy) do
        def initialize(label)
          @label = label
        end
      end
      start_oversip do |request|
        kind.new("mine").route(request, "127.0.0.1", bob.port)
      rescue OverSIP::RuntimeError => e
        seen << e.message
      end
      call_from(alice, :MESSAGE)
      expect(seen.pop).to include("initialize").and include("super")
    end
  end

  describe "of Uac" do
    it "sends requests and keeps its own state" do
      kind = Class.new(OverSIP::SIP::Uac) do
        def ping(port, &block)
          @answer = block
          on_success_response { |response| @answer.call(response.status_code) }
          route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@127.0.0.1:#{port}" })
        end
      end
      start_oversip
      kind.new.ping(bob.port) { |status| seen << status }
      bob.answer(bob.receive, 200)
      expect(seen.pop).to eq(200)
    end
  end

  describe "of Client" do
    it "can be made, takes blocks, and cannot route" do
      start_oversip
      kind = Class.new(OverSIP::SIP::Client)
      client = record(kind.new(:default_proxy), into: seen)
      client.clear_callbacks
      expect([client.request, client.current_target, client.respond_to?(:route)]).to eq([nil, nil, false])
    end
  end

  it "is one of its parents', and so are its objects" do
    start_oversip
    proxy = Class.new(counting_proxy).new("deep")
    expect(proxy).to be_a(OverSIP::SIP::Proxy).and be_a(counting_proxy).and be_a(OverSIP::SIP::Client)
    expect(proxy).not_to be_a(OverSIP::SIP::Uac)
    expect(counting_proxy.ancestors).to include(OverSIP::SIP::Proxy, OverSIP::SIP::Client, OverSIP::Logger)
    expect([OverSIP::SIP::Proxy.superclass, OverSIP::SIP::Uac.superclass, OverSIP::SIP::Client.superclass])
      .to eq([OverSIP::SIP::Client, OverSIP::SIP::Client, Object])
  end

  it "takes singleton methods and included modules on its objects" do
    shouting = Module.new { def label = "#{super}!" }
    start_oversip do |request|
      proxy = counting_proxy.new("mine").extend(shouting)
      def proxy.drop_response(*) = false
      proxy.on_success_response { proxy.drop_response }
      proxy.route(request, "127.0.0.1", bob.port)
    end
    call_from(alice, :MESSAGE)
    request = bob.receive
    expect(request.header("X-Label")).to eq("mine!")
    bob.answer(request, 200)
    expect(alice.receive_final.status).to eq(200)
  end

  it "logs under its own name" do
    start_oversip
    stub_const("CountingProxy", counting_proxy)
    log = capture_log { CountingProxy.new("mine").log_info("hello") }
    expect(log.map { |entry| [entry.log_id, entry.body] }).to eq([%w[CountingProxy hello]])
  end
end
