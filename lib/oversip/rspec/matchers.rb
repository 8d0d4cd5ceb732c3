# frozen_string_literal: true

require "oversip/rspec/matchers/wording"
require "oversip/rspec/matchers/party"
require "oversip/rspec/matchers/window"
require "oversip/rspec/matchers/covering"
require "oversip/rspec/matchers/message_pattern"
require "oversip/rspec/matchers/matcher"
require "oversip/rspec/matchers/counting_matcher"
require "oversip/rspec/matchers/sending_matcher"
require "oversip/rspec/matchers/send_sip"
require "oversip/rspec/matchers/reply_with"
require "oversip/rspec/matchers/be_relayed_to"
require "oversip/rspec/matchers/be_answered"
require "oversip/rspec/matchers/targets_matcher"
require "oversip/rspec/matchers/have_tried"
require "oversip/rspec/matchers/have_run"
require "oversip/rspec/matchers/have_logged"
require "oversip/rspec/matchers/have_blacklisted"
require "oversip/rspec/matchers/keep_dialog_routable"

module OverSIP
  module Testing
    # Matchers of what a script does with SIP messages. `expect` is given
    #
    # - a call or an exchange of a persona: what belongs to it
    # - `sip`: all that has happened in the example
    # - a block: what happens while it runs
    #
    # All are composable (`and`, `or`, `all`), and `not_to` says the opposite. "The element" in failure messages is the SIP
    # element (RFC 3261 6) that runs the script.
    module Matchers
      # The call, or the exchange, has a final response of 2xx; or, after `with`, of another status. Takes a call or an
      # exchange.
      #
      # @example
      #   expect(call).to be_answered
      #   expect(call).to be_answered.with(486, "Busy Here").by("gw2.example").after(32)
      #   expect(call).to be_answered.with(400..499).by(:element)
      # @return [BeAnswered] with {BeAnswered#with}, {BeAnswered#by}, {BeAnswered#after} and {BeAnswered#within}
      def be_answered
        BeAnswered.new
      end

      # The element tried these targets (RFC 3263) in this order, and no others. With `not_to`: it tried none of them.
      #
      # @example
      #   expect(call).to have_tried("udp:192.0.2.1:5060", "tcp:192.0.2.2:5060")
      #   expect(call).to have_tried("gw1.example", "gw2.example")
      # @param targets [Array<Target, String, Regexp, Object>] a persona or its name, `"udp:192.0.2.1:5060"`, or a matcher
      # @return [HaveTried]
      def have_tried(*targets) # rubocop:disable Naming/PredicateName -- RSpec's form of a matcher
        HaveTried.new(targets)
      end

      # The element sent such a message, itself or as a relay.
      #
      # @example
      #   expect { call.hang_up }.to send_sip(:BYE).to("gw2.example").with(headers: { "Route" => a_string_including(";lr") })
      #   expect(call).to send_sip(180).to(alice).once
      #   expect { alice.message "sip:bob@example.com" }.not_to send_sip(:MESSAGE)
      # @param kind [Symbol, Integer, Object, nil] a method, a status, or what matches a status; nil for any message
      # @return [SendSip] with {SendingMatcher#to}, {SendingMatcher#with}, {SendingMatcher#within} and {CountingMatcher}
      def send_sip(kind = nil)
        SendSip.new(kind)
      end

      # The element replied by itself: the script, or the engine for it. An answer of a target that it relayed is none.
      #
      # @example
      #   expect { alice.invite "sip:nobody@example.com" }.to reply_with(404)
      #   expect(call).to reply_with(503).with(headers: { "Retry-After" => "30" })
      # @param status [Integer, Range, Object] the status, or what matches it
      # @param reason [String, Regexp, nil] the reason phrase
      # @return [ReplyWith] with {SendingMatcher#to}, {SendingMatcher#with}, {SendingMatcher#within} and {CountingMatcher}
      def reply_with(status, reason = nil)
        matcher = ReplyWith.new(status)
        reason ? matcher.with(reason:) : matcher
      end

      # The request reached that target, or would have if nothing was lost. Others may have got it as well: {#have_tried}
      # has all of them.
      #
      # @example
      #   expect(call).to be_relayed_to("gw1.example").with(ruri: "sip:bob@gw1.example")
      # @param target [Target, String, Regexp, Object] a persona or its name, `"udp:192.0.2.1:5060"`, or a matcher
      # @return [BeRelayedTo] with {SendingMatcher#with}, {SendingMatcher#within} and {CountingMatcher}
      def be_relayed_to(target)
        BeRelayedTo.new(target)
      end

      # A block, or a method, of the script ran for this event.
      #
      # @example
      #   expect(call).to have_run(:on_error).with(408, anything, :client_timeout)
      #   expect(call).to have_run(:on_success_response).with(200).once
      # @param event [Symbol] `:on_request`, `:on_error`, `:on_target`, …
      # @return [HaveRun] with {HaveRun#with} and {CountingMatcher}
      def have_run(event) # rubocop:disable Naming/PredicateName -- RSpec's form of a matcher
        HaveRun.new(event)
      end

      # The script, or the engine, wrote such a record. Takes `sip` or a block.
      #
      # @example
      #   expect(sip).to have_logged(/forbidden destination/).with(severity: :warn).once
      # @param text [String, Regexp, Object] a part of the text, or what matches all of it
      # @return [HaveLogged] with {HaveLogged#with} and {CountingMatcher}
      def have_logged(text) # rubocop:disable Naming/PredicateName -- RSpec's form of a matcher
        HaveLogged.new(text)
      end

      # These targets are in the blacklist, or came into it while the block ran. Takes `sip` or a block.
      #
      # @example
      #   expect(sip).to have_blacklisted("udp:192.0.2.1:5060")
      #   expect(sip).to have_blacklisted("gw1.example")
      # @param targets [Array<Target, String, Regexp, Object>] a persona or its name, `"udp:192.0.2.1:5060"`, or a matcher
      # @return [HaveBlacklisted]
      def have_blacklisted(*targets) # rubocop:disable Naming/PredicateName -- RSpec's form of a matcher
        HaveBlacklisted.new(targets)
      end

      # A request of each side within the dialog (RFC 3261 12.2) reaches the other side and is answered with 2xx: the route
      # set that both have leads through the element. Takes a call, sends one request from each side, and moves the clock
      # until each is answered.
      #
      # @example
      #   expect(call).to keep_dialog_routable
      # @param method [Symbol] of the requests
      # @return [KeepDialogRoutable]
      def keep_dialog_routable(method = :INFO)
        KeepDialogRoutable.new(method)
      end
    end
  end
end
