# frozen_string_literal: true

require_relative "callbacks"

# What RFC 3263 makes of a destination: the targets that a request is tried at, in order. For examples tagged `:native`,
# whose zones lead to addresses and ports without listeners: every target fails at once, over every transport.
module ZoneTargets
  # Addresses of this machine that nothing else uses, by the names that zones give them.
  HOST = ->(number) { "127.0.0.#{70 + number}" }

  # A server that has TLS, as far as its profiles know; its attempts to connect fail as those by TCP do.
  def let_profiles_have_tls
    OverSIP.proxies.each_value do |profile|
      profile[:has_sip_tls] = true
      profile[:transport_preference] = [:tls, *profile[:transport_preference]]
    end
  end

  # @param uri [String] Request-URI
  # @param profile [Hash] changes to the profile
  # @return [Array<String, Symbol>] targets in the order of the attempts, or the code of the error if there was none
  def targets_of(uri, profile = {})
    OverSIP.proxies[:case] = OverSIP.proxies[:default_proxy].merge(
      profile, name: "case", dns_cache: OverSIP::SIP::DnsCache.new, blacklist: OverSIP::SIP::Blacklist.new
    )
    seen = mailbox
    uac = OverSIP::SIP::Uac.new(:case)
    tried = []
    uac.on_target { |target| tried << target.to_s }
    uac.on_error { |_, _, code| seen << code }
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: uri }))
    code = seen.pop(limit: 15)
    tried.empty? ? [code] : tried
  end
end

RSpec.configure { |config| config.include ZoneTargets, :native }
