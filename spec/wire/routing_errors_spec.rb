# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/unbound"

# What a request that cannot be sent comes to: status, reason and code for on_error, and the same status and reason for
# the client.
RSpec.describe "A request that cannot be delivered", :native do
  profiles = { default_proxy: { timer_B: 2, timer_F: 2 }, without_dns: { use_dns: false },
               udp_only: { transport_preference: ["udp"] }, ipv6_only: { ip_type_preference: ["ipv6"] } }

  # method, the arguments of route (:silent and :dead stand for ports), Request-URI, profile => what on_error gets
  table = [
    ["nobody answers an INVITE before timer B", :INVITE, ["127.0.0.1", :silent], nil, :default_proxy,
     [408, "Client Timeout", :client_timeout]],
    ["nobody listens at the TCP target", :MESSAGE, ["127.0.0.1", :dead, :tcp], nil, :default_proxy,
     [500, "Connection Error", :connection_error]],
    ["nobody listens at the UDP target", :MESSAGE, ["127.0.0.1", :dead], nil, :default_proxy,
     [500, "Connection Error", :connection_error]],
    ["DNS denies the name", :MESSAGE, ["nowhere.example"], nil, :default_proxy,
     [404, "No DNS Resolution", :no_dns_resolution]],
    ["DNS knows the name without an address", :MESSAGE, ["text.example"], nil, :default_proxy,
     [404, "No DNS Resolution", :no_dns_resolution]],
    ["the Request-URI is a tel URI", :MESSAGE, [], "tel:+34123456", :default_proxy,
     [416, "Unsupported URI scheme", :unsupported_uri_scheme]],
    ["the Request-URI is sips and there is no TLS", :MESSAGE, [], "sips:bob@127.0.0.1", :default_proxy,
     [416, "Unsupported URI scheme", :unsupported_uri_scheme]],
    ["the Request-URI asks for SCTP", :MESSAGE, [], "sip:bob@127.0.0.1;transport=sctp", :default_proxy,
     [478, "Unsupported transport", :unsupported_transport]],
    ["the script asks for TLS and there is none", :MESSAGE, ["127.0.0.1", 5061, :tls], nil, :default_proxy,
     [478, "Unsupported transport", :unsupported_transport]],
    ["the profile leaves the transport out", :MESSAGE, ["127.0.0.1", :silent, :tcp], nil, :udp_only,
     [478, "Unsupported transport", :unsupported_transport]],
    ["the destination is IPv4 and the profile is not", :MESSAGE, ["127.0.0.1", :silent], nil, :ipv6_only,
     [478, "Destination Requires Unsupported IPv4", :no_ipv4]],
    ["the destination is IPv6 and the server is not", :MESSAGE, ["::1", :silent], nil, :default_proxy,
     [478, "Destination Requires Unsupported IPv6", :no_ipv6]],
    ["the destination is bracketed IPv6 and the server is not", :MESSAGE, [], "sip:bob@[::1]", :default_proxy,
     [478, "Destination Requires Unsupported IPv6", :no_ipv6]],
    ["the maddr of the Request-URI is no host", :MESSAGE, [], "sip:bob@127.0.0.1;maddr=10.1.2", :default_proxy,
     [400, "Destination Has Invalid maddr", :invalid_maddr]],
    ["the Request-URI is a multicast address", :MESSAGE, [], "sip:bob@224.0.1.75", :default_proxy,
     [478, "Destination Is No Unicast Address", :no_unicast]],
    ["the script names a broadcast address", :MESSAGE, ["255.255.255.255", :silent], nil, :default_proxy,
     [478, "Destination Is No Unicast Address", :no_unicast]],
    ["the destination is a name and the profile forbids DNS", :MESSAGE, ["nowhere.example"], nil, :without_dns,
     [478, "Destination Requires Unsupported DNS Resolution", :no_dns]]
  ]

  let(:seen) { mailbox }
  let(:silent) { udp_peer }
  let(:dead) { dead_port }

  def start(profiles, destination, &)
    core = {}
    if destination.first.to_s.end_with?(".example")
      unbound = Unbound.new(["text.example. 60 IN TXT here"])
      opened << unbound
      core = { nameservers: [unbound.address] }
    end
    start_oversip(configuration: { core: core }, proxies: profiles, &)
  end

  def real(destination)
    destination.map { |part| { silent: silent.port, dead: dead }.fetch(part, part) }
  end

  # Timer B and F end at 2 s in these profiles.
  def outlast_timers(destination)
    return unless destination[1] == :silent && destination[2].nil? && silent.receive?(SipPeer::SILENCE)

    OverSIP::Testing.freeze
    OverSIP::Testing.advance(3)
  end

  describe "by a Proxy" do
    table.each do |reason, method, destination, ruri, profile, outcome|
      it "is #{outcome.first(2).join(" ")} (#{outcome.last.inspect}) when #{reason}" do
        port = start(profiles, destination) do |request|
          record(OverSIP::SIP::Proxy.new(profile), into: seen, only: [:error]).route(request, *real(destination))
        end
        caller = udp_peer
        caller.send_text(caller.build(method, ruri || "sip:bob@b.example"), port)
        outlast_timers(destination)
        expect(seen.pop).to eq([:error, *outcome])
        expect(caller.receive_final.then { |final| [final.status, final.reason] }).to eq(outcome.first(2))
      end
    end

    it "is 403 Destination Aborted when on_target aborts it, and nothing is sent" do
      port = start(profiles, []) do |request|
        proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error])
        proxy.on_target { proxy.abort_routing }
        proxy.route(request, "127.0.0.1", silent.port)
      end
      caller = udp_peer
      caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), port)
      expect(caller.receive_final.first_line).to eq("SIP/2.0 403 Destination Aborted")
      expect(seen.all).to eq([[:target, "udp:127.0.0.1:#{silent.port}"], [:error, 403, "Destination Aborted", :destination_aborted]])
      expect(silent.receive?(SipPeer::SILENCE)).to be_nil
    end

    it "is what add_target_to_blacklist said for a target that was put there" do
      port = start(profiles, []) do |request|
        proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error])
        proxy.on_target { proxy.add_target_to_blacklist(60, 486, "Not Today") && proxy.abort_routing }
        proxy.route(request, "127.0.0.1", silent.port)
      end
      caller = udp_peer
      answers = Array.new(2) do
        caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), port)
        caller.receive_final.first_line
      end
      expect(answers).to eq(["SIP/2.0 403 Destination Aborted", "SIP/2.0 486 Not Today"])
      expect(seen.all.last(2)).to eq([[:error, 403, "Destination Aborted", :destination_aborted],
                                      [:error, 486, "Not Today", :destination_blacklisted]])
      expect(silent.receive?(SipPeer::SILENCE)).to be_nil
    end

    it "is told to the script alone when a request other than INVITE gets no answer before timer F" do
      port = start(profiles, []) do |request|
        record(OverSIP::SIP::Proxy.new, into: seen, only: [:error]).route(request, "127.0.0.1", silent.port)
      end
      caller = udp_peer
      caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), port)
      outlast_timers([nil, :silent])
      expect(seen.pop).to eq([:error, 408, "Client Timeout", :client_timeout])
      expect(caller.receive?(SipPeer::SILENCE)).to be_nil
    end

    it "leaves no reply when on_error drops it" do
      port = start(profiles, []) do |request|
        proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: [:error])
        proxy.on_error { proxy.drop_response }
        proxy.route(request, "127.0.0.1", dead, :tcp)
      end
      caller = udp_peer
      caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), port)
      expect(seen.pop).to eq([:error, 500, "Connection Error", :connection_error])
      expect(caller.receive?(SipPeer::SILENCE)).to be_nil
    end

    describe "and is an ACK" do
      let(:caller) { udp_peer }

      def send_ack(port, ruri = nil)
        OverSIP::Testing.freeze
        caller.send_text(caller.build(:ACK, ruri || "sip:bob@b.example"), port)
      end

      # The ACK came to nothing but on_error.
      def expect_no_answer
        dispatcher_caught_up
        engine_caught_up
        expect([messages_at(caller), messages_at(silent), seen.all]).to all(be_empty)
      end

      # What can be told before the ACK is sent.
      table.reject { |*, (_, _, code)| %i[client_timeout connection_error].include?(code) }
           .each do |reason, _, destination, ruri, profile, outcome|
        it "runs on_error with #{outcome.last.inspect} and is not answered when #{reason}" do
          port = start(profiles, destination) do |request|
            record(OverSIP::SIP::Proxy.new(profile), into: seen).route(request, *real(destination))
          end
          send_ack(port, ruri)
          expect(seen.pop).to eq([:error, *outcome])
          expect_no_answer
        end
      end

      it "runs on_error with 403 when on_target aborts it, and nothing is sent or answered" do
        port = start(profiles, []) do |request|
          proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: [:error])
          proxy.on_target { proxy.abort_routing }
          proxy.route(request, "127.0.0.1", silent.port)
        end
        send_ack(port)
        expect(seen.pop).to eq([:error, 403, "Destination Aborted", :destination_aborted])
        expect_no_answer
      end

      it "runs on_error with what add_target_to_blacklist said for its target" do
        port = start(profiles, []) do |request|
          proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: [:error])
          proxy.on_target { proxy.add_target_to_blacklist(60, 486, "Not Today") && proxy.abort_routing }
          proxy.route(request, "127.0.0.1", silent.port)
        end
        2.times { send_ack(port) }
        expect([seen.pop, seen.pop]).to eq([[:error, 403, "Destination Aborted", :destination_aborted],
                                            [:error, 486, "Not Today", :destination_blacklisted]])
        expect_no_answer
      end
    end
  end

  describe "by a Uac" do
    def message(method, ruri)
      OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: ruri || "sip:bob@b.example" })
    end

    table.each do |reason, method, destination, ruri, profile, outcome|
      it "is #{outcome.first(2).join(" ")} (#{outcome.last.inspect}) when #{reason}" do
        start(profiles, destination)
        uac = record(OverSIP::SIP::Uac.new(profile), into: seen, only: [:error])
        uac.route(message(method, ruri), *real(destination))
        outlast_timers(destination)
        expect(seen.pop).to eq([:error, *outcome])
      end
    end

    it "is 408 Client Timeout when a request other than INVITE gets no answer before timer F" do
      start(profiles, [])
      record(OverSIP::SIP::Uac.new, into: seen, only: [:error]).route(message(:OPTIONS, nil), "127.0.0.1", silent.port)
      outlast_timers([nil, :silent])
      expect(seen.pop).to eq([:error, 408, "Client Timeout", :client_timeout])
    end

    it "is 403 Destination Aborted when on_target aborts it" do
      start(profiles, [])
      uac = record(OverSIP::SIP::Uac.new, into: seen, only: [:error])
      uac.on_target { uac.abort_routing }
      uac.route(message(:OPTIONS, nil), "127.0.0.1", silent.port)
      expect(seen.pop).to eq([:error, 403, "Destination Aborted", :destination_aborted])
      expect(silent.receive?(SipPeer::SILENCE)).to be_nil
    end

    it "is what add_target_to_blacklist said for a target that was put there" do
      start(profiles, [])
      first = OverSIP::SIP::Uac.new
      first.on_target { seen << first.add_target_to_blacklist }
      first.route(message(:OPTIONS, nil), "127.0.0.1", silent.port)
      expect(seen.pop).to be(true)
      silent.receive
      record(OverSIP::SIP::Uac.new, into: seen, only: %i[target error]).route(message(:OPTIONS, nil), "127.0.0.1", silent.port)
      expect(seen.pop).to eq([:error, 403, "Destination Blacklisted", :destination_blacklisted])
      expect(silent.receive?(SipPeer::SILENCE)).to be_nil
    end
  end
end
