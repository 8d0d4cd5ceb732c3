# frozen_string_literal: true

require "oversip/testing/arguments"

module OverSIP
  module Testing
    # Writes SIP messages (RFC 3261 7) from what a spec says about them. Values are not checked: a spec may send malformed
    # ones.
    #
    # @api private
    module MessageText
      # Header names whose letter case does not follow from their words.
      SPECIAL = {
        call_id: "Call-ID", cseq: "CSeq", www_authenticate: "WWW-Authenticate", rseq: "RSeq", rack: "RAck",
        mime_version: "MIME-Version", sip_etag: "SIP-ETag", sip_if_match: "SIP-If-Match"
      }.freeze

      # RFC 3261 21, as far as specs need it.
      REASONS = {
        100 => "Trying", 180 => "Ringing", 181 => "Call Is Being Forwarded", 182 => "Queued", 183 => "Session Progress",
        199 => "Early Dialog Terminated", 200 => "OK", 202 => "Accepted", 300 => "Multiple Choices",
        301 => "Moved Permanently", 302 => "Moved Temporarily", 400 => "Bad Request", 401 => "Unauthorized",
        403 => "Forbidden", 404 => "Not Found", 405 => "Method Not Allowed", 407 => "Proxy Authentication Required",
        408 => "Request Timeout", 410 => "Gone", 415 => "Unsupported Media Type", 420 => "Bad Extension",
        430 => "Flow Failed", 480 => "Temporarily Unavailable", 481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected", 483 => "Too Many Hops", 484 => "Address Incomplete", 486 => "Busy Here",
        487 => "Request Terminated", 488 => "Not Acceptable Here", 491 => "Request Pending", 500 => "Server Internal Error",
        501 => "Not Implemented", 502 => "Bad Gateway", 503 => "Service Unavailable", 504 => "Server Time-out",
        600 => "Busy Everywhere", 603 => "Decline", 604 => "Does Not Exist Anywhere"
      }.freeze

      class << self
        # @param first_line [String]
        # @param headers [Hash{String, Symbol => Object, Array, nil}] nil leaves a header out, an Array is one line for each
        # @return [String] binary
        def compose(first_line, headers, body = nil)
          lines = headers.flat_map do |name, values|
            Array(values).map { |value| "#{header_name(name)}: ".b << value.to_s.b }
          end
          [first_line.b, *lines, "", body.to_s.b].join("\r\n")
        end

        # Headers of a spec go over the usual ones: they take their place, whatever the letter case.
        #
        # @return [Hash{String => Object}]
        def merge(usual, given)
          given.each_with_object(usual.dup) do |(name, value), merged|
            name = header_name(name)
            known = merged.keys.find { |other| other.casecmp?(name) }
            merged[known || name] = value
          end
        end

        # @param name [String, Symbol] `:retry_after` is "Retry-After"
        # @return [String]
        def header_name(name)
          return name if Arguments.header_name(name).is_a?(String)

          SPECIAL.fetch(name) { name.to_s.split("_").map(&:capitalize).join("-") }
        end

        # @return [Hash{String => String}] the headers that come with a body
        def body_headers(body)
          Arguments.body(body)
          return { "Content-Length" => "0" } if body.nil? || body.empty?

          { "Content-Type" => body.start_with?("v=0") ? "application/sdp" : "text/plain",
            "Content-Length" => body.bytesize.to_s }
        end

        # @return [String]
        def reason(status)
          REASONS.fetch(status, "Status #{status}")
        end

        # @param value [String, nil] of From or To
        # @return [String, nil]
        def tag(value)
          value.to_s[/;\s*tag\s*=\s*([^\s;,>]+)/i, 1]
        end

        # @param value [String, nil] of Contact, Route or Record-Route: its first entry
        # @return [String, nil]
        def uri(value)
          value.to_s[/<([^>]*)>/, 1] || value.to_s[/\A\s*([^\s;,]+)/, 1]
        end

        # @param lines [Array<String>] of a header that is a list of name-addrs
        # @return [Array<String>] one for each entry
        def entries(lines)
          lines.flat_map { |line| line.scan(/(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,"<])+/) }.map(&:strip).reject(&:empty?)
        end
      end
    end
  end
end
