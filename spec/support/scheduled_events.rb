# frozen_string_literal: true

require "oversip/testing"

# Events on a dispatcher with the Fiber scheduler of the library.
module ScheduledEvents
  def start_scheduled(fiber_scheduler: true)
    quiet = { core: { syslog_level: "warn" }, sip: { listen_port: 0, enable_ipv6: false } }
    OverSIP.start(configuration: quiet, fiber_scheduler: fiber_scheduler)
  end

  # Runs the block in an event of its own.
  #
  # @return [RelayHelpers::Mailbox] which gets its value, or its exception
  def in_event
    mailbox.tap do |result|
      OverSIP.schedule do
        result << yield
      rescue StandardError => e
        result << e
      end
    end
  end

  # The dispatcher has come to the waits of these events, and is free for others.
  def expect_to_wait(*results)
    dispatcher_caught_up
    # One that waits for the network may be on its way from one wait to the next.
    eventually(message: "another number of blocks waits than #{results.size}") { OverSIP.stats[:waiting_blocks] == results.size }
    expect(results.flat_map(&:all)).to be_empty
  end
end
