# frozen_string_literal: true

# Stands in for the extension when it is not compiled, so that the specs of the parts written in Ruby run. Loaded before the
# library.
$LOADED_FEATURES << File.expand_path("../../lib/oversip/native.rb", __dir__)

module OverSIP
  module SIP
    class Blacklist < Hash; end
    class DnsCache < Hash; end
    Connection = Class.new
    Request = Class.new
    Response = Class.new
  end

  module WebSocket
    Connection = Class.new
  end

  module Engine
    def self.running? = false
    def self.log_threshold=(_severity); end
  end
end
