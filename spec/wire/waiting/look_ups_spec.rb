# frozen_string_literal: true

require_relative "../../support/stores"

# What scripts ask of a real server, in each of the three ways in which a block can wait.
RSpec.describe "A look-up in a block", :native do
  let(:alice) { udp_peer }
  let(:carol) { udp_peer }
  let(:gateway) { udp_peer }
  let(:voicemail) { udp_peer }

  ways = {
    "by await" => { asks: ->(store, user) { OverSIP.await { store.look_up(user) } }, core: {} },
    "by the scheduler" => { asks: ->(store, user) { store.look_up(user) }, core: { fiber_scheduler: true } },
    "plainly" => { asks: ->(store, user) { store.look_up(user) }, core: {} }
  }

  def start(way, &on_request)
    start_oversip(configuration: { core: way[:core] }) do |request|
      next request.reply(200) if request.sip_method == :OPTIONS

      on_request.call(request, OverSIP::SIP::Proxy.new)
    end
    OverSIP::Testing.freeze
  end

  def answered_by(peer)
    forwarded = peer.receive
    peer.answer(forwarded, 200)
    expect(final_for(alice).status).to eq(200)
    forwarded
  end

  { redis: "Redis", postgresql: "PostgreSQL", http: "a web service" }.each do |name, title|
    context "in #{title}", if: Stores::CLASSES.key?(name) do
      let(:store) { Stores.fetch(name) }

      ways.each do |words, way|
        context words do
          let(:ask) { ->(user) { way[:asks].call(store, user) } }

          it "says where on_request routes to" do
            store.put("bob", gateway.port.to_s)
            start(way) { |request, proxy| proxy.route(request, "127.0.0.1", Integer(ask.call(request.ruri.user))) }
            call_from(alice)
            answered_by(gateway)
          end

          it "says in on_failure_response where to go next" do
            store.put("bob", voicemail.port.to_s)
            start(way) do |request, proxy|
              proxy.on_failure_response do |response|
                proxy.drop_response(response)
                OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", Integer(ask.call(request.ruri.user)))
              end
              proxy.route(request, "127.0.0.1", gateway.port)
            end
            call_from(alice)
            gateway.answer(gateway.receive, 486)
            answered_by(voicemail)
          end

          it "changes in on_target the request that leaves" do
            store.put("bob", "gold")
            start(way) do |request, proxy|
              proxy.on_target { request.set_header("X-Account", ask.call(request.ruri.user)) }
              proxy.route(request, "127.0.0.1", gateway.port)
            end
            call_from(alice)
            expect(answered_by(gateway).header("X-Account")).to eq("gold")
          end

          next if words == "plainly"

          it "holds up nobody while it waits" do
            store.put("bob", gateway.port.to_s)
            start(way) { |request, proxy| proxy.route(request, "127.0.0.1", Integer(ask.call(request.ruri.user))) }
            store.hold
            call_from(alice)
            eventually { OverSIP.stats[:waiting_blocks] == 1 }
            call_from(carol, :OPTIONS)
            expect(carol.receive_final.status).to eq(200)
            # A look-up may wait several times: for its connection, then for the answer.
            eventually { OverSIP.stats[:waiting_blocks] == 1 }
            store.release
            answered_by(gateway)
          ensure
            store.release
          end
        end
      end
    end
  end
end
