# frozen_string_literal: true

module OverSIP
  # Mistakes in scripts that are mended and logged, once for each line of a script that makes them: such a line may run for
  # every request.
  #
  # @api private
  module ScriptMistakes
    extend Logger

    LIBRARY = File.expand_path("..", __dir__)
    # A script that is loaded again and again must not fill the memory. Further mistakes are not logged.
    MOST_SITES = 1000
    private_constant :LIBRARY, :MOST_SITES

    @reported = {}

    class << self
      # @param text [String] what was wrong and what is done about it
      def report(text)
        site = caller_locations.find { |location| !location.absolute_path&.start_with?(LIBRARY) }
        site &&= "#{site.path}:#{site.lineno}"
        mistake = [text, site]
        return if @reported.key?(mistake) || @reported.size >= MOST_SITES

        @reported[mistake] = true
        log_system_warn site ? "#{text} (at #{site})" : text
      end

      # Forgets the logged mistakes.
      def reset
        @reported.clear
      end
    end
  end
end
