# frozen_string_literal: true

module OverSIP
  # Where the code of a callable stands.
  #
  # @api private
  module SourcePlace
    # What Ruby itself has is nowhere in a script: methods of C have no place, and those that Ruby has in Ruby (of Queue from
    # 3.3 on) one that is no file.
    #
    # @param callable [Proc, Method, UnboundMethod]
    # @return [Array(String, Integer), nil] file and line
    def self.of(callable)
      place = callable.source_location
      place unless place.nil? || place.first.start_with?("<internal:")
    end
  end
end
