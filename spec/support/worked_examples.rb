# frozen_string_literal: true

# Inputs and results of the message API, one row each. Most rows are what OverSIP 2.0.4 answers; a row with a note differs from
# it on purpose. Blocks run inside an example.
module WorkedExamples
  Row = Struct.new(:input, :expected, :note, :block)

  # An error that a row expects.
  Raised = Struct.new(:error, :message)

  class << self
    # @return [Array<Row>]
    def rows
      @rows ||= []
    end

    # Adds the rows of a file.
    def group(&)
      instance_eval(&)
    end

    def row(input, expected, note: nil, &block)
      rows << Row.new(input, expected, note, block)
    end

    def raises(error, message)
      Raised.new(error, message)
    end
  end

  %w[uris parser headers messages utils transactions].each { |file| require_relative "worked_examples/#{file}" }
end
