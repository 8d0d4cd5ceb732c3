# frozen_string_literal: true

# Blocks as events of their own. For examples tagged `:native`.
module EventHelpers
  # Runs a block as an event.
  #
  # @return [Object] what it returns or raises
  def in_event(&)
    begin_event(&).pop
  end

  # Begins it.
  #
  # @return [Mailbox] gets what it returns or raises
  def begin_event
    mailbox.tap do |outcome|
      OverSIP.schedule do
        outcome << yield
      rescue Exception => e # rubocop:disable Lint/RescueException -- what the script meets is what the example is about
        outcome << e
      end
    end
  end
end

RSpec.configure { |config| config.include EventHelpers, :native }
