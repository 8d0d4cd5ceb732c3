# frozen_string_literal: true

require "oversip/testing/world/in_turn"

module OverSIP
  module Testing
    class World
      # What OverSIP had before a world was opened: everything of it is the world's as long as that is open.
      #
      # @api private
      class FormerState
        NAMES = %i[configuration proxies status is_ready pid].freeze

        def initialize
          @values = NAMES.to_h { |name| [name, OverSIP.public_send(name)] }
          @target = Logger.target
          @level = Logger.level
        end

        # Gives it back.
        def hand_back
          InTurn.call(
            -> { AroundCallback.observer = nil },
            -> { ConnectionClasses.note([]) },
            -> { Logger.target = @target },
            -> { Logger.level = @level },
            -> { TLS.forget if OverSIP.tls_public_cert },
            *@values.map { |name, value| -> { OverSIP.public_send(:"#{name}=", value) } }
          )
        end
      end
    end
  end
end
