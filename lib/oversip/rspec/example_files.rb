# frozen_string_literal: true

require "pathname"

module OverSIP
  module Testing
    # Finds the files that the metadata of an example names: from the working directory, as RSpec does, else from the folder
    # of the spec file and the folders above it. So a spec runs from any directory. The first file that is there counts.
    #
    # @api private
    class ExampleFiles
      # @param metadata [Hash] of an RSpec example
      def initialize(metadata)
        @metadata = metadata
      end

      # @param key [Symbol] of the metadata
      # @return [Object] what stands there; a file's name as its absolute path
      # @raise [ArgumentError] there is no such file
      def fetch(key)
        value = @metadata[key]
        return value unless value.is_a?(String) || value.is_a?(Pathname)

        folders.map { |folder| File.expand_path(value.to_s, folder) }.find { |path| File.file?(path) } ||
          raise(ArgumentError, "#{key}: #{value.to_s.inspect} is no file: looked for in the working " \
                               "directory #{Dir.pwd}, then in #{File.dirname(spec_file)} and the folders above it")
      end

      private

      def spec_file
        @metadata.fetch(:absolute_file_path)
      end

      def folders
        above = File.dirname(spec_file)
        found = [Dir.pwd, above]
        found << above = File.dirname(above) until above == File.dirname(above)
        found
      end
    end
  end
end
