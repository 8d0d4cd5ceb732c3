# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#have_logged}.
      class HaveLogged < CountingMatcher
        # @api private
        SEVERITIES = %i[debug info notice warn error crit alert emerg].freeze

        # @api private
        def initialize(text)
          super()
          @text = Arguments.text_pattern("what is logged", text)
        end

        # @param severity [Symbol] `:debug`, `:info`, `:notice`, `:warn`, `:error`, `:crit`, `:alert` or `:emerg`
        # @return [self]
        # @raise [ArgumentError] it is none of these
        def with(severity:)
          unless SEVERITIES.include?(severity)
            raise ArgumentError, "a severity is one of #{SEVERITIES.map(&:inspect).join(", ")}, not #{severity.inspect}"
          end

          @severity = severity
          self
        end

        # @return [String]
        def description
          "have logged #{described(@text)}#{" with severity #{@severity}" if @severity}#{count_words}"
        end

        private

        def find
          raise ArgumentError, "have_logged looks at `sip` or at a block, not at a call" if @window.call

          check_level

          @window.log.select { |record| fits?(record) }
        end

        # What is below the level of the configuration is kept nowhere.
        def check_level
          level = Logger.level
          return if @severity.nil? || SEVERITIES.index(@severity) >= SEVERITIES.index(level.to_sym)

          raise ArgumentError, "#{@severity} is not logged here: the configuration has core[syslog_level] #{level}"
        end

        # A String is a part of the text, as in a search.
        def fits?(record)
          text = @text.is_a?(String) ? Regexp.new(Regexp.escape(@text)) : @text
          values_match?(text, record.text) && (@severity.nil? || record.severity == @severity)
        end

        def finding
          return found_words("it did so") if @found.any?
          return "it logged nothing" if @window.log.empty?

          "it logged only:#{Wording.list(@window.log.map { |record| line(record) })}"
        end

        def line(record)
          "#{seconds(record.at)}  #{record.severity}: #{record.text}"
        end
      end
    end
  end
end
