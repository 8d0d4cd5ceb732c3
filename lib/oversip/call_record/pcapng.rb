# frozen_string_literal: true

require "oversip"
require_relative "visible"

module OverSIP
  class CallRecord
    # The messages of a record as a capture file (pcapng) for Wireshark and tshark: every one is read as SIP, on whatever
    # port, and out of WebSocket and TLS too, with the addresses, ports and times that it had.
    #
    # It has no IP, TCP or TLS headers, but what Wireshark calls exported PDUs (link type 252). Wireshark's filters and
    # statistics work as usual (`ip.addr == 192.0.2.1`, `sip.Method == "INVITE"`, the flow sequence of a call). Other
    # programs may not know that link type: tcpdump and sngrep do not. The comment of each message names its parties, its
    # transport and what became of it.
    #
    # @example
    #   File.binwrite("calls.pcapng", OverSIP::CallRecord::Pcapng.new(record).to_s)
    class Pcapng
      FATES = { lost: "lost", repeated: "arrives twice", refused: "nobody takes it" }.freeze
      # What a file can count: nanoseconds since 1970 in 64 bits.
      TIMES = (0...(2**64))
      private_constant :FATES, :TIMES

      # @param record [CallRecord]
      # @param began_at [Time] when the clock of the record stood at 0; of a record that does not know it, 1970
      # @raise [TypeError] that is no Time
      def initialize(record, began_at: record.began_at || Time.at(0))
        raise TypeError, "began_at has to be a Time, not #{began_at.inspect}" unless began_at.is_a?(Time)

        @record = record
        @began_at = began_at.to_r
      end

      # @return [String] the file; tagged BINARY
      # @raise [OverSIP::RuntimeError] an address of a message is no IP address with a port, or a time is not between 1970
      #   and 2554
      def to_s
        Engine.pcapng(@record.messages.map { |message| row(message) })
      end

      private

      def row(message)
        [nanoseconds(message.at), message.from.to_s, message.to.to_s, message.transport != :udp, message.bytes,
         comment(message)]
      end

      def nanoseconds(seconds)
        at = ((@began_at + seconds.to_r) * 1_000_000_000).round
        return at if TIMES.cover?(at)

        raise OverSIP::RuntimeError, "a capture file has times from 1970 to 2554, not #{(@began_at + seconds.to_r).to_f} s"
      end

      def comment(message)
        parties = [message.sender, message.receiver || "nobody"].map { |name| Visible.of(name) }.join(" -> ")
        facts = ["#{parties}, #{Visible.of(message.transport).upcase}", FATES[message.fate],
                 ("retransmission" if message.retransmission?), redacted(message)]
        facts.compact.join("; ")
      end

      def redacted(message)
        "redacted: #{message.redacted.join(", ")}" if message.redacted.any?
      end
    end
  end
end
