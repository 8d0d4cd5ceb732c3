# frozen_string_literal: true

# A relay in a process of its own, whose small heap makes a collection cheap: relays requests, half of them with a
# collection at every allocation, and prints how many objects are left after each half.
#
#   ruby -Ilib spec/support/stressed_relay.rb COUNT

require "oversip"
require "oversip/testing"
require_relative "message_load"

count = Integer(ARGV.fetch(0))
load = MessageLoad.new
callee_port = load.callee_port

OverSIP::SipEvents.define_singleton_method(:on_request) do |request|
  proxy = OverSIP::SIP::Proxy.new
  proxy.on_target { |target| request.tvars[:target] = target }
  proxy.on_success_response { |response| request.tvars[:success] = response }
  proxy.on_error { |*error| request.tvars[:error] = error }
  proxy.route(request, "127.0.0.1", callee_port)
end

relay = lambda do
  answers = load.send_messages(count, OverSIP.configuration[:sip][:listen_port])
  GC.stress = false
  OverSIP::Testing.advance(33)
  idle = Thread::Queue.new
  OverSIP.schedule { idle << true }
  idle.pop
  OverSIP::Testing.advance(0)
  3.times { GC.start }
  kinds = [OverSIP::SIP::Client, OverSIP::SIP::Request, OverSIP::SIP::Response, Proc]
  puts [answers, *kinds.map { |kind| ObjectSpace.each_object(kind).count }].join(" ")
end

OverSIP.start(configuration: { sip: { listen_port: 0, enable_ipv6: false } }) do
  OverSIP::Testing.freeze
  relay.call
  GC.stress = true
  relay.call
end
load.close
