# frozen_string_literal: true

require_relative "../call"
require_relative "../message"
require_relative "../visible"

module OverSIP
  class CallRecord
    class TraceReader
      # Who is at the other end of a call's messages.
      #
      # @api private
      class Parties
        # Stands where an address is not known.
        UNKNOWN = "0.0.0.0:0"

        class << self
          # @return [Array<Hash>] the rows of messages
          def messages(rows)
            rows.select { |row| row["kind"] == "message" }
          end

          # @param row [Hash] of a message
          # @return [Message] to be read, not to be shown: without parties
          def parsed(row)
            row["parsed"] ||= Message.new(at: row["at"], sender: nil, receiver: nil, transport: nil, from: nil, to: nil,
                                          bytes: row["bytes"].to_s.unpack1("m"))
          end
        end

        # @return [String] the name of the element
        attr_reader :element

        # @param rows [Array<Hash>] of one call
        # @param own [Hash{String => Boolean}] the addresses of the element
        # @param called [Boolean] whether those who are called have names too. As long as a call goes on, nobody knows how
        #   many there will be
        def initialize(rows, element, own, called: true)
          @called = called
          @element = element
          @own = own
          messages = Parties.messages(rows)
          @addresses = messages.select { |row| row["local"] }.to_h { |row| row.values_at("transport", "local") }
          @names = unambiguous(users(messages))
        end

        # @param address [String] "192.0.2.1:5060"
        # @return [String]
        def name(address)
          own?(address) ? element : @names.fetch(address, address)
        end

        # @param transport [String]
        # @return [String] where the element is; what did not leave has no address of its own
        def address(transport)
          @addresses[transport] || @addresses.values.first || UNKNOWN
        end

        # @return [Boolean]
        def own?(address)
          @own.key?(address)
        end

        private

        # @return [Array<Array(String, String)>] addresses and users that may be there
        def users(messages)
          messages.filter_map do |row|
            next if own?(row["remote"])

            message = Parties.parsed(row)
            next unless message.request? && !in_dialog?(message)

            calls = row["direction"] == "in"
            user = user(calls ? message.header("from") : message.ruri) if calls || @called
            [row["remote"], user] if user
          end
        end

        # Requests inside of a dialog (RFC 3261 12.2.1.1) go to contacts, whose users are often no names.
        def in_dialog?(message)
          message.header("to").to_s.match?(/;\s*tag\s*=/i)
        end

        def user(text)
          match = Call::URI.match(Visible.utf8(text.to_s)) or return
          user = match[:user] || match[:number]
          Visible.cut(Visible.of(user), 24) unless user.nil? || user.empty?
        end

        # An address has one user, and a user one address.
        def unambiguous(pairs)
          pairs = pairs.uniq
          of_address = pairs.group_by(&:first)
          of_user = pairs.group_by(&:last)
          pairs.select { |address, user| of_address[address].one? && of_user[user].one? && user != element }.to_h
        end
      end
    end
  end
end
