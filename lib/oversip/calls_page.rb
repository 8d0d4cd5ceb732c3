# frozen_string_literal: true

require "json"
require "securerandom"
require "oversip/monitor_thread"
require "oversip/system_reason"

module OverSIP
  # The page `/calls` of a running server: who may see it, and the ladders on it.
  #
  # @api private
  module CallsPage
    extend Logger

    # Bytes of a token that is made here: nobody guesses it.
    TOKEN_BYTES = 24
    # As {Config::SCHEMA} has it for a token in oversip.conf.
    SHORTEST_TOKEN = 16
    # Events of a call that are drawn, the last ones: a ladder of thousands is read by nobody, and costs Ruby's time.
    MOST_EVENTS = 400
    # Likewise bytes of their messages.
    MOST_BYTES = 256 * 1024
    # Rows that are read beside these, from the beginning: the first messages say who is who.
    FIRST_ROWS = 20
    # Bytes of a row beside those of its message, which are base64 in it.
    MOST_ROW_BYTES = 1024
    private_constant :FIRST_ROWS, :MOST_ROW_BYTES

    @log_id = "calls"

    class << self
      # Reads the token, and loads what draws ladders: not while calls go on.
      #
      # @param configuration [Hash] {OverSIP.configuration}
      # @return [Hash, nil] the token; nil: the page is not served
      # @raise [ConfigurationError] the token cannot be used
      def settings(configuration)
        metrics = configuration.fetch(:metrics)
        return unless metrics[:calls_page]

        require "oversip/call_record"
        require "oversip/call_record/html_ladder/drawing"
        require "oversip/call_record/trace_reader"
        @made = nil
        token = configured_token(metrics) || (@made = SecureRandom.urlsafe_base64(TOKEN_BYTES))
        { token: token }
      end

      # Says in the log where the page is. A token that was made is known from there alone.
      #
      # @param place [String] address and port
      # @param loopback [Boolean] whether only this machine reaches it
      def say(place, loopback)
        log_system_info "calls on http://#{place}/calls?token=#{@made || "..., the configured one"}"
        return if loopback

        log_system_warn "metrics[calls_page]: #{place} is no loopback address: whoever reads the token on its way, which " \
                        "HTTP does not hide, sees who calls whom; put a proxy with TLS in front of it, or use ssh -L"
      end

      # @param name [String] the Call-ID, in base64 for addresses
      # @return [String, nil] JSON: the redacted ladder of the call; nil: it is not kept any more
      def ladder(name)
        rows, earlier = few(Engine.trace_rows(nil, name.tr("-_", "+/").unpack1("m"), nil).lines)
        record = rows.each_with_object(CallRecord::TraceReader.new) { |row, reader| reader.add(row) }.record
        record = record.with_zero_at(record.summaries.first&.began_at || 0.0)
        call = redacted(record, earlier).summaries.first or return
        JSON.generate(CallRecord::HtmlLadder::Drawing.new(call, CallRecord::Clock.new(:seconds)).to_h)
      end

      # @param metrics [Hash] the section of the configuration
      # @return [String, nil] nil: one has to be made
      # @raise [ConfigurationError] it cannot be used
      def configured_token(metrics)
        given, file = metrics.values_at(:token, :token_file)
        raise ConfigurationError, "metrics[token] and metrics[token_file]: only one of them can be set" if given && file

        file ? token_in(file) : given
      end

      private

      def token_in(file)
        token = File.binread(file).strip
        return token if token.bytesize >= SHORTEST_TOKEN && token.match?(/\A[!-~]+\z/n)

        raise ConfigurationError,
              "metrics[token_file]: #{file} has to have one word of #{SHORTEST_TOKEN} or more ASCII characters"
      rescue SystemCallError => e
        raise ConfigurationError, "metrics[token_file]: #{file}: #{SystemReason.of(e)}"
      end

      def last_of(events)
        bytes = 0
        kept = events.last(MOST_EVENTS).reverse.take_while do |event|
          bytes += event.bytes.bytesize if event.is_a?(CallRecord::Message)
          bytes <= MOST_BYTES
        end
        kept.empty? ? events.last(1) : kept.reverse
      end

      # Before they are parsed, which costs Ruby's time: the first rows of the call, those of its last events, and how many
      # stand between them.
      def few(rows)
        others, of_call = rows.partition { |row| row.include?('"call_id":null') || row.include?('"kind":"head"') }
        first = of_call.shift(FIRST_ROWS)
        bytes = 0
        last = of_call.last(MOST_EVENTS).reverse.take_while do |row|
          (bytes += row.bytesize) <= (MOST_BYTES * 4 / 3) + (MOST_EVENTS * MOST_ROW_BYTES)
        end
        [others + first + last.reverse, of_call.size - last.size]
      end

      # What is not shown says what is secret, too.
      def redacted(record, earlier)
        redaction = CallRecord::Redaction.new
        shown = redaction.call(record, whole: earlier.zero?)
        shorter = shortened(record, earlier)
        shorter.equal?(record) ? shown : redaction.call(shorter)
      end

      def shortened(record, earlier)
        events = record.events
        kept = last_of(events)
        return record if kept.size == events.size && earlier.zero?

        text = "#{events.size - kept.size + earlier} earlier events are not shown here: oversip trace has them"
        note = CallRecord::Note.new(at: kept.first.at, text: text, call_id: kept.first.call_id)
        [note, *kept].each_with_object(CallRecord.new(element: record.element)) { |event, shorter| shorter << event }
      end
    end

    MonitorThread.on(:ladder, "oversip ladders") { |name| ladder(name) }
  end
end
