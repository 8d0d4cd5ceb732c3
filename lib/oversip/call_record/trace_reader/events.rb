# frozen_string_literal: true

require_relative "../events"
require_relative "../message"
require_relative "../note_texts"
require_relative "../wording"
require_relative "parties"

module OverSIP
  class CallRecord
    class TraceReader
      # The events of a call for its rows, in the order of time.
      #
      # @api private
      class Events
        # @return [String, nil] nil: of no call
        attr_accessor :call_id
        # @return [Parties]
        attr_accessor :parties

        # @param call_id [String, nil]
        # @param parties [Parties]
        def initialize(call_id, parties)
          @call_id = call_id
          @parties = parties
          @attempts = {}
          @under_way = Hash.new(0)
          @last_at = 0.0
        end

        # @param row [Hash]
        # @return [Event, nil] nil for what other events show; of what ends an attempt, the attempt once more
        def of(row)
          @last_at = row.fetch("at", @last_at)
          case row["kind"]
          when "message" then message(row)
          when "block" then block(row)
          when "timer" then timer(row)
          when "attempt" then attempt(row)
          when "attempt_ended" then end_attempt(row)
          when "unanswered" then unanswered(row)
          when "resolution" then resolution(row)
          else
            text = words(row)
            note(text, lacking: row["kind"] == "left_out") if text
          end
        end

        private

        def common
          { at: @last_at, call_id: call_id }
        end

        # What the element sends to itself is one message, though it leaves and comes.
        def message(row)
          own, other = row.values_at("local", "remote")
          own ||= parties.address(row["transport"])
          from, to = row["direction"] == "in" ? [other, own] : [own, other]
          bytes = Parties.parsed(row).bytes
          return if parties.own?(other) && arrival?(row, [from, to, bytes])

          Message.new(at: @last_at, sender: name(from, own), receiver: name(to, own), from: from, to: to,
                      transport: row["transport"].to_s.to_sym, bytes: bytes,
                      fate: row["fate"] == "refused" ? :refused : :sent)
        end

        def name(address, own)
          address == own ? parties.element : parties.name(address)
        end

        def arrival?(row, way)
          if row["direction"] == "out"
            @under_way[way] += 1
            return false
          end
          return false unless @under_way.key?(way)

          @under_way.delete(way) if (@under_way[way] -= 1).zero?
          true
        end

        def block(row)
          exception = row["exception"]
          Block.new(**common, event: row["event"].to_s.to_sym, subject: row["subject"].to_s, file: row["file"],
                              line: row["line"], duration: row["duration"],
                              exception: exception && Raised.new(exception["class"].to_s, exception["message"].to_s))
        end

        def timer(row)
          Timer.new(**common, name: row["name"].to_s, sip_method: row["method"]&.to_sym, branch: row["branch"])
        end

        def attempt(row)
          @attempts[row["branch"]] = Attempt.new(**common, target: row["target"].to_s, sip_method: row["method"]&.to_sym,
                                                           branch: row["branch"])
        end

        def end_attempt(row)
          attempt = @attempts.delete(row["branch"])
          attempt&.outcome = row["status"] || row["outcome"]&.to_sym
          attempt
        end

        def unanswered(row)
          Unanswered.new(**common, sip_method: row["method"]&.to_sym, branch: row["branch"])
        end

        def resolution(row)
          Resolution.new(**common, question: row["question"].to_s, targets: Array(row["targets"]), duration: row["seconds"])
        end

        def note(text, lacking:)
          Note.new(**common, text: text, lacking: lacking)
        end

        def words(row)
          case row["kind"]
          when "answered" then NoteTexts.answered(row["status"], row["by"], parties.element)
          when "dropped_response" then NoteTexts.dropped_response(row["status"])
          when "blacklisted" then NoteTexts.blacklisted(row["target"])
          when "passed_over" then NoteTexts.passed_over(row["target"])
          when "flow_opened" then opening(row)
          when "flow_closed" then "connection with #{row["peer"]} closed"
          when "left_out" then left_out(row)
          when "missed" then missed(row)
          end
        end

        def opening(row)
          took = row["handshake"]
          "connection #{row["inbound"] ? "from" : "to"} #{row["peer"]} opened" \
            "#{", TLS handshake of #{(took * 1000).round} ms" if took && took >= Wording::LONG}"
        end

        def missed(row)
          "up to #{row["calls"]} calls went before they could be read: more come than trace[calls] and trace[bytes] have " \
            "room for"
        end

        def left_out(row)
          "#{row["events"]} more events of this call (#{row["bytes"]} bytes) were left out: it has its share of trace[bytes]"
        end
      end
    end
  end
end
