# frozen_string_literal: true

require "oversip/testing"

# Profile parameters connect_timeout and tls_handshake_timeout: how long a connection may take.
RSpec.describe "The time that a connection may take", :native do
  let(:failed) { mailbox }

  # @return [Array<String>] what the transport said of the connection that did not come up within this time
  def route_to(port, transport, seconds, **profile)
    capture_log(level: :info) do
      start_oversip(configuration: { core: { syslog_level: "info" } },
                    proxies: { default_proxy: { transport_preference: %w[tls tcp udp], **profile } })
      OverSIP::Testing.freeze
      uac = OverSIP::SIP::Uac.new
      uac.on_error { |*error| failed << error }
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1" }), "127.0.0.1", port, transport)
      OverSIP::Testing.advance(seconds)
      expect(failed.pop).to eq([500, "Connection Error", :connection_error])
      # The record comes by the same way as the callback.
      OverSIP::Dispatcher.call { nil }
    end.map(&:body).grep(/within/)
  end

  it "is connect_timeout until TCP is up" do
    expect(route_to(dropping_port, :tcp, 1, connect_timeout: 1)).to match([/no answer within 1 s/])
  end

  it "may be longer than by default" do
    expect(route_to(dropping_port, :tcp, 3, connect_timeout: 3)).to match([/no answer within 3 s/])
  end

  it "takes whole seconds, 1 to 60" do
    %i[connect_timeout tls_handshake_timeout].product([0, 61, "2"]).each do |name, value|
      expect { start_oversip(proxies: { default_proxy: { name => value } }) }
        .to raise_error(OverSIP::ConfigurationError, /default_proxy\[#{name}\] has invalid value '#{value}'/)
    end
  end
end
