# frozen_string_literal: true

# What script/bench consists of.
module Bench
  # How caller, relay and callee talk in a measurement.
  #
  # name      as on the command line
  # caller    SIPp's own transport as caller
  # callee    SIPp's own transport as callee
  # onward    the transport by which the relay reaches the callee
  # listener  which port of the relay is called: :port, :tls_port or :websocket_port
  # pumps     what carries the caller's and the callee's bytes, as pump.rb names it; nil: nothing
  # word      the caller's [transport] in Via and Contact, where SIPp does not know it
  Transport = Struct.new(:name, :caller, :callee, :onward, :listener, :caller_pump, :callee_pump, :word,
                         keyword_init: true) do
    def to_s
      name
    end

    # @return [String, nil] what a reader of the figures has to know
    def remark
      case name
      when "tls"
        "SIPp of Debian has no TLS: pumps in Ruby beside it do the TLS of caller and callee. They share the machine, but " \
        "are not in the figures of the relays."
      when "ws"
        "SIPp has no WebSocket: a pump in Ruby beside the caller does it. The callee is called by UDP, since this server " \
        "opens no WebSocket itself."
      end
    end
  end

  class << Transport
    # @param name [String]
    # @return [Transport]
    def named(name)
      all.find { |one| one.name == name }
    end

    def all
      @all ||= [
        new(name: "udp", caller: "u1", callee: "u1", onward: "udp", listener: :port),
        new(name: "tcp", caller: "t1", callee: "t1", onward: "tcp", listener: :port),
        new(name: "tls", caller: "t1", callee: "t1", onward: "tls", listener: :tls_port, caller_pump: "to-tls",
            callee_pump: "from-tls"),
        new(name: "ws", caller: "t1", callee: "u1", onward: "udp", listener: :websocket_port, caller_pump: "to-websocket",
            word: "WS")
      ]
    end
  end
end
