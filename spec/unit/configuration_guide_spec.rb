# frozen_string_literal: true

# docs/configuration.md has every parameter with its default.
RSpec.describe "docs/configuration.md" do
  # { heading => { parameter => default } }
  tables = File.read(File.expand_path("../../docs/configuration.md", __dir__)).split(/^#+ /).to_h do |part|
    heading, text = part.split("\n", 2)
    [heading, text.to_s.scan(/^\| `(\w+)` \| (.+?) \|/).to_h]
  end

  def shown(parameter)
    value = parameter.default
    value.is_a?(Array) ? "[#{value.join(", ")}]" : OverSIP::Config::Parameter.show(value)
  end

  # What the websocket section has like the sip section is said once.
  alike = %i[enable_ipv4 listen_ipv4 advertised_ipv4 enable_ipv6 listen_ipv6 advertised_ipv6 use_tls_tunnel callback_on_client_tls_handshake]

  OverSIP::Config::SCHEMA.transform_values(&:values).merge("proxies.conf": OverSIP::ProxiesConfig::PARAMETERS).each do |section, parameters|
    it "lists those of #{section}" do
      listed = section == :websocket ? parameters.reject { |parameter| alike.include?(parameter.name) } : parameters
      expect(tables.fetch(section.to_s)).to eq(listed.to_h { |parameter| [parameter.name.to_s, shown(parameter)] })
    end
  end
end
