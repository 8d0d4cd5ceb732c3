# frozen_string_literal: true

require_relative "taken_secrets"

module OverSIP
  class CallRecord
    class Redaction
      # What was taken out of the messages of calls: a script may say it again without what tells that it is secret, as in
      # the message of an exception with `request.ruri.user`, which is "bob:password".
      #
      # @api private
      class KnownSecrets
        # Calls that are remembered, and secrets of one.
        MOST_CALLS = 1000
        MOST = 1000
        # Bytes at the end of a text that may be the beginning of a secret: the engine cuts messages of exceptions.
        SHORTEST_CUT = 4
        private_constant :MOST_CALLS, :MOST, :SHORTEST_CUT

        # What is known of a call.
        Known = Struct.new(:masks, :request, :lacking) do
          # @return [Boolean] whether everything secret of its messages is known
          def whole?
            request && !lacking
          end
        end
        private_constant :Known

        def initialize
          @of_calls = {}
        end

        # @param message [Message]
        # @param secrets [Hash{String => String}] what was taken out of it, and what is shown in its place
        def learn(message, secrets)
          known = known(message.call_id)
          known.request ||= message.request?
          new = secrets.reject { |secret, _| known.masks.key?(secret) }
          known.masks = longest_first(known.masks.merge(new)) if new.any?
          return if known.masks.size <= MOST

          known.masks = known.masks.first(MOST).to_h
          known.lacking = true
        end

        # Messages of this call are missing.
        #
        # @param call_id [String, nil]
        def lack(call_id)
          known(call_id).lacking = true
        end

        # @param text [String] in any encoding, valid or not
        # @param call_id [String, nil] nil: it may be about any call
        # @return [String] in the same encoding; empty where messages of the call are missing, which may have had secrets
        def hide(text, call_id)
          return without(all, text) unless call_id

          known = known(call_id)
          known.whole? ? without(known.masks, text) : ""
        end

        private

        # Who was asked for last is forgotten last.
        def known(call_id)
          known = @of_calls[call_id] = @of_calls.delete(call_id) || Known.new({}, false, false)
          @of_calls.shift if @of_calls.size > MOST_CALLS
          known
        end

        def all
          longest_first(@of_calls.each_value.reduce({}) { |masks, known| masks.merge!(known.masks) })
        end

        # "bob:password" before "password".
        def longest_first(masks)
          masks.sort_by { |secret, _| -secret.bytesize }.to_h
        end

        def without(masks, text)
          hidden = masks.reduce(text.b) do |bytes, (secret, mask)|
            bytes.include?(secret) ? bytes.gsub(secret) { mask } : bytes
          end
          without_cut(masks, hidden).force_encoding(text.encoding)
        end

        def without_cut(masks, bytes)
          masks.each do |secret, mask|
            size = [secret.bytesize - 1, bytes.bytesize].min.downto(SHORTEST_CUT).find do |length|
              bytes.end_with?(secret.byteslice(0, length))
            end
            return bytes.byteslice(0, bytes.bytesize - size) + mask if size
          end
          bytes
        end
      end
    end
  end
end
