# frozen_string_literal: true

module OverSIP
  # Clients that speak SIP over WebSocket (RFC 7118).
  module WebSocket
    # What Ruby adds to the connections of WebSocket clients.
    class Connection
      include Logger

      # @return [String] what the logger calls it
      def log_id
        self.class.log_id
      end
    end

    [%i[ws WsServer WS], %i[wss WssServer WSS], %i[wss WssTunnelServer WSS-Tunnel]].each do |transport, name, text|
      { "IPv4" => :ipv4, "IPv6" => :ipv6 }.each do |family, ip_type|
        connection_class = const_get("#{family}#{name}")
        { transport: transport, ip_type: ip_type, log_id: "SIP #{text} #{family} server",
          reliable_transport_listener?: true, outbound_listener?: true }.each do |attribute, value|
          connection_class.define_singleton_method(attribute) { value }
        end
      end
    end
  end
end
