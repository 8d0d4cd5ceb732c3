# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # A message or connection of the element has left for an address where the spec has put nobody.
      class UnexpectedDestination < OverSIP::Error
        # @return [String] "udp:192.0.2.9:5060"
        attr_reader :target

        # @param what [String]
        # @param names [Array<String>] who is there by another transport or port
        def initialize(what, target, names)
          @target = target
          transport, address = target.split(":", 2)
          host, port = address.match(/\A\[?(.+?)\]?:(\d+)\z/).captures
          there = " (#{names.join(", ")} of this host: another port or transport)" unless names.empty?
          super("#{what} went to #{target}, where nobody is#{there}: name a persona there with " \
                "target(#{host.inspect}, port: #{port}, transport: :#{transport}), or say allow_unknown_destinations")
        end
      end

      # A script error that {ExpectedErrors#expect_script_error} has announced did not come.
      class MissingScriptError < OverSIP::Error; end
    end
  end
end
