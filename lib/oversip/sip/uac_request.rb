# frozen_string_literal: true

require "oversip/nearest"

module OverSIP
  module SIP
    # A request that a {Uac} sends. It is made from data instead of a received message.
    #
    # Sending adds a Via. It adds a Contact with the source address and port to an INVITE, SUBSCRIBE, REFER, NOTIFY or UPDATE
    # without one.
    #
    # @example
    #   request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:example.net" })
    #   OverSIP::SIP::Uac.new.route request
    class UacRequest
      # The keys of the data.
      KEYS = %i[sip_method ruri from from_tag to to_tag call_id cseq max_forwards credentials].freeze

      # Headers that a request has once. They are made from the data.
      OWN_HEADERS = %w[From To Call-ID CSeq Content-Length Max-Forwards].freeze

      HEADER_LINE = /\A([-.!%*_+`'~0-9A-Za-z]+)[ \t]*:/n
      # RFC 3261 25.1.
      TOKEN = /\A[-.!%*_+`'~0-9A-Za-z]+\z/n
      CALL_ID = %r{\A(?<word>[-.!%*_+`'~0-9A-Za-z()<>:\\"/\[\]?{}]+)(?:@\g<word>)?\z}n
      # Serialising replaces line ends by spaces and keeps bytes beyond ASCII. Sending refuses both.
      JUDGED_LATER = /[^\x20-\x7E]/n
      private_constant :KEYS, :OWN_HEADERS, :HEADER_LINE, :TOKEN, :CALL_ID, :JUDGED_LATER

      # The From of a request that names none.
      DEFAULT_FROM = '"OverSIP" <sip:anonymous@anonymous.invalid>'

      # @return [Symbol, String]
      attr_reader :sip_method
      # @return [Uri, NameAddr]
      attr_reader :ruri
      # @return [String, Uri, NameAddr]
      attr_reader :from
      # @return [String]
      attr_reader :from_tag
      # @return [String, Uri, NameAddr]
      attr_reader :to
      # @return [String, nil]
      attr_reader :to_tag
      # @return [String, nil]
      attr_reader :body
      # @return [String]
      attr_reader :call_id
      # @return [Integer]
      attr_reader :cseq
      # @return [String] eight hexadecimal digits
      attr_reader :via_branch_id
      # @return [Hash, Array<Hash>, nil] what challenges to this request are answered with, see {Uac#credentials=}
      attr_reader :credentials
      # @return [Hash, nil] for the script's own use
      attr_accessor :tvars

      # Unknown keys of the data, and lines for headers that are made from the data (a second Content-Length), are left out
      # with a warning.
      #
      # @param data [Hash] `:sip_method` and `:ruri` (String, {Uri} or {NameAddr}) are needed; `:from`, `:from_tag`, `:to`,
      #   `:to_tag`, `:call_id`, `:cseq` and `:max_forwards` have defaults; `:credentials` go before
      #   those of the {Uac} and of its profile
      # @param extra_headers [Array<String>, nil] complete header lines
      # @param body [String, nil]
      # @raise [OverSIP::RuntimeError] no method or URI is given, or the URI is none, or a header line has no colon, or
      #   method, tag or Call-ID has a character that it must not have (RFC 3261 25.1)
      # @raise [OverSIP::ParsingError] the URI is a String that is no URI
      # @raise [TypeError] the data is no Hash, the method is no Symbol or String, the extra headers are no Array of Strings
      def initialize(data, extra_headers = [], body = nil)
        data = checked(data)
        @sip_method = method_name(data[:sip_method] || raise(OverSIP::RuntimeError, "no data[:sip_method] given"))
        @ruri = uri(data[:ruri] || raise(OverSIP::RuntimeError, "no data[:ruri] given"))
        @from = data[:from] || DEFAULT_FROM
        @from_tag = fit(:from_tag, data, TOKEN) || Engine.random_hex(4)
        @to = data[:to] || @ruri
        @to_tag = fit(:to_tag, data, TOKEN)
        @call_id = fit(:call_id, data, CALL_ID) || Engine.random_hex(8)
        @cseq = data[:cseq] || Engine.random_number(999)
        @max_forwards = data[:max_forwards] || "20"
        @via_branch_id = Engine.random_hex(4)
        @credentials = data[:credentials]
        @extra_headers = header_lines(extra_headers)
        @body = body
        @headers = {}
      end

      # Sets a header; a second call with the same name replaces its value.
      #
      # @param name [String] as it is to be written
      # @param value [#to_s]
      # @raise [OverSIP::RuntimeError] the name is no token
      # @note A header that is made of the data is left out with a warning.
      def insert_header(name, value)
        raise OverSIP::RuntimeError, "invalid header name #{name.inspect}" unless name.to_s.b.match?(TOKEN)

        return if left_out?(name, "insert_header")

        @headers[name] = value.to_s
      end

      # @return [String, nil] the removed value
      def delete_header_top(name)
        @headers.delete(name)
      end

      # @return [String] 32 hexadecimal digits made of Request-URI and Call-ID, see {Tags.create_antiloop_id}
      def antiloop_id
        @antiloop_id ||= Tags.create_antiloop_id(self)
      end

      # Always nil: the destination is the Request-URI.
      def routes
        nil
      end

      # @return [String] the request without Via, as bytes
      def to_s
        first = LineEnds.neutral("a request line", @sip_method, " ", @ruri.uri, " SIP/2.0", folds: false)
        lines = [*@headers.map { |name, value| [name, ": ", value] },
                 ["From: ", address(@from), ";tag=", @from_tag], ["To: ", address(@to), *([";tag=", @to_tag] if @to_tag)],
                 ["Call-ID: ", @call_id], ["CSeq: ", @cseq, " ", @sip_method], ["Content-Length: ", @body.to_s.bytesize],
                 ["Max-Forwards: ", @max_forwards], ["User-Agent: ", OverSIP.product], *@extra_headers]
        head = [first, *lines.map { |line| LineEnds.neutral("a header line", *line) }].join("\r\n")
        (head << "\r\n\r\n" << @body.to_s.b).force_encoding(Encoding::UTF_8)
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{@sip_method} #{@ruri.uri} call_id=#{@call_id}>"
      end

      # The CSeq number of the authenticated request, which was sent after a challenge.
      #
      # @api private
      def sent_with_cseq(number)
        @cseq = number
      end

      private

      def checked(data)
        raise TypeError, "data must be a Hash, not #{data.inspect}" unless data.respond_to?(:to_hash)

        data = data.to_hash
        (data.keys - KEYS).each do |key|
          hint = Nearest.hint(key, KEYS)
          ScriptMistakes.report("OverSIP::SIP::UacRequest: unknown key #{key.inspect} in data ignored#{hint}")
        end
        data
      end

      def method_name(value)
        return fit(:sip_method, { sip_method: value }, TOKEN) if value.is_a?(Symbol) || value.is_a?(String)

        raise TypeError, "data[:sip_method] must be a Symbol or a String, not #{value.inspect}"
      end

      # @return [Object, nil] the value as it was given
      def fit(key, data, form)
        value = data[key] or return
        bytes = value.to_s.b
        return value if form.match?(bytes) || JUDGED_LATER.match?(bytes)

        rule = form == TOKEN ? "a token: letters, digits and -.!%*_+`'~" : "a word, or two with @ between them"
        raise OverSIP::RuntimeError, "invalid data[:#{key}] #{value.inspect}: it must be #{rule} (RFC 3261 25.1)"
      end

      # @return [Array<String>] those that are not made of the data
      def header_lines(lines)
        return [] if lines.nil?
        raise TypeError, "extra_headers must be an Array of header lines, not #{lines.inspect}" unless lines.is_a?(Array)

        lines.reject do |line|
          raise TypeError, "a header line must be a String, not #{line.inspect}" unless line.is_a?(String)

          name = line.b[HEADER_LINE, 1] or
            raise OverSIP::RuntimeError, "invalid header line #{line.inspect}: it must be \"Name: value\""
          left_out?(name, "extra_headers")
        end
      end

      def left_out?(name, origin)
        own = OWN_HEADERS.find { |header| header == Message.headerize(name.to_s) } or return false
        ScriptMistakes.report("OverSIP::SIP::UacRequest: #{own} in #{origin} ignored: the request has its own")
        true
      end

      def uri(value)
        case value
        when Uri then value
        when String then parse_uri(value)
        else raise OverSIP::RuntimeError, "invalid URI #{value.inspect}"
        end
      end

      def parse_uri(text)
        Uri.parse(text)
      rescue ParsingError => e
        raise unless scheme_lacks?(text)

        raise ParsingError, "#{e.message}: it has no scheme, did you mean \"sip:#{text}\"?"
      end

      def scheme_lacks?(text)
        Uri.parse("sip:#{text}") && !text.match?(/\A[a-z][a-z0-9+.-]*:(?!\d)/i)
      rescue ParsingError
        false
      end

      # Without angle brackets the parameters of the URI would belong to the header (RFC 3261 20.10). A NameAddr writes its
      # own brackets.
      def address(value)
        text = value.to_s
        value.is_a?(Uri) && !value.is_a?(NameAddr) && text.b.match?(/[;?,]/) ? "<#{text}>" : text
      end
    end
  end
end
