# frozen_string_literal: true

require "oversip/testing"
require_relative "relay"

# How most examples with a proxy begin, and how they find out that OverSIP has nothing left to do. The clock stands, so
# that nothing is sent again unless the example moves it. For examples tagged `:native`.
module CallHelpers
  # Starts OverSIP, with its clock standing, and a script that routes every request to a peer.
  #
  # @yield what the script does before it routes: gets proxy and request
  def start_relay_to(peer, configuration: {}, profile: {}, &setup)
    start_oversip(configuration: configuration, proxies: { default_proxy: profile }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      setup&.call(proxy, request)
      proxy.route(request, peer.ip, peer.port)
    end
    OverSIP::Testing.freeze
  end

  # Sends a request from a peer to OverSIP.
  #
  # @return [String] its text
  def call_from(peer, method = :INVITE, **options)
    peer.send_text(peer.build(method, "sip:bob@b.example", **options), oversip_port)
  end

  # Sends the CANCEL of a request text and waits for its 200.
  def cancel_from(peer, invite, **options)
    peer.send_text(peer.companion(invite, :CANCEL, **options), oversip_port)
    peer.receive_until { |message| message.status.to_i >= 200 && message.method_name == "CANCEL" }
  end

  # The next final response to an INVITE.
  def final_for(peer)
    peer.receive_until { |message| message.status.to_i >= 200 && message.method_name == "INVITE" }
  end

  # Returns when the engine has dealt with every datagram that was sent to it, and with every call of its API: a CANCEL
  # that matches nothing is answered at once and in its turn.
  def engine_caught_up
    @stranger ||= udp_peer
    @stranger.send_text(@stranger.build(:CANCEL, "sip:nobody@b.example"), oversip_port)
    @stranger.receive
    OverSIP::Testing.advance(0)
  end

  # How long it takes to run events one after the other, each a millisecond later.
  def seconds_of_events(number)
    took = mailbox
    begun = OverSIP::Engine.clock
    following = lambda do |left|
      OverSIP.schedule(after: 0.001) { left.zero? ? took << ((OverSIP::Engine.clock - begun) / 1e9) : following.call(left - 1) }
    end
    following.call(number)
    took.pop
  end

  # Returns when the dispatcher has run its queued events.
  def dispatcher_caught_up
    done = mailbox
    OverSIP.schedule { done << true }
    done.pop
    OverSIP::Testing.advance(0)
  end

  # Returns when engine and dispatcher have dealt with everything, and with what each has asked of the other.
  def everything_done
    2.times do
      engine_caught_up
      dispatcher_caught_up
    end
  end

  # The messages received by a peer so far, without waiting.
  def messages_at(peer)
    peer.drain(quiet: 0)
  end
end

RSpec.configure { |config| config.include CallHelpers, :native }
