# frozen_string_literal: true

module OverSIP
  class CallRecord
    class Redaction
      # What secrets are called.
      #
      # @api private
      module SecretNames
        # Headers whose values are secret, or answer to something secret (RFC 3261 20.6, 20.7, 20.28; RFC 7615; RFC 6265).
        HEADERS = %w[authorization proxy-authorization authentication-info proxy-authentication-info cookie cookie2
                     set-cookie].freeze
        HEADER = /(?:(?:proxy-)?(?:authorization|authentication-info)|(?:set-)?cookie2?)/in

        # Parameters of URIs and headers, settings, keys of Hashes.
        VALUE = /(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]token|client[_-]secret)/in
      end
    end
  end
end
