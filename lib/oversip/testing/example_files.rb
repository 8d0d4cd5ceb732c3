# frozen_string_literal: true

require "pathname"

module OverSIP
  module Testing
    # Finds the files that an example or a test names: from the working directory, as RSpec does, else from the folder of its
    # own file and the folders above it. So it runs from any directory. The first file that is there counts.
    #
    # @api private
    class ExampleFiles
      # @param options [Hash] what was given: the metadata of an RSpec example
      # @param spec_file [String] path of the spec or test
      def initialize(options, spec_file)
        @options = options
        @spec_file = spec_file
      end

      # @param key [Symbol] of the options
      # @return [Object] what stands there; a file's name as its absolute path
      # @raise [ArgumentError] there is no such file
      def fetch(key)
        value = @options[key]
        return value unless value.is_a?(String) || value.is_a?(Pathname)

        folders.map { |folder| File.expand_path(value.to_s, folder) }.find { |path| File.file?(path) } ||
          raise(ArgumentError, "#{key}: #{value.to_s.inspect} is no file: looked for in the working " \
                               "directory #{Dir.pwd}, then in #{File.dirname(@spec_file)} and the folders above it")
      end

      private

      def folders
        above = File.dirname(@spec_file)
        found = [Dir.pwd, above]
        found << above = File.dirname(above) until above == File.dirname(above)
        found
      end
    end
  end
end
