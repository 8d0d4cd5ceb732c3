# frozen_string_literal: true

require "fileutils"
require "securerandom"
require "oversip/errors"

module OverSIP
  class CommandLine
    # A file for what was said on calls: its owner alone may read it, also where it was there. It is never written through a
    # symbolic link, which somebody else may have put into the folder.
    #
    # @api private
    class OutputFile
      MODE = 0o600
      NEW = File::WRONLY | File::CREAT | File::EXCL | File::NOFOLLOW | File::BINARY
      APPEND = File::WRONLY | File::CREAT | File::APPEND | File::NOFOLLOW | File::BINARY
      private_constant :MODE, :NEW, :APPEND

      # @param path [String] absolute
      def initialize(path)
        @path = path
      end

      # Puts a document in the place of what is there. Who reads meanwhile has either of them whole.
      #
      # @param document [String]
      # @return [void]
      # @raise [OverSIP::RuntimeError] it cannot be written
      def write(document)
        outside do
          next replace(document) if replaceable?

          File.open(@path, File::WRONLY | File::NOFOLLOW | File::BINARY) { |device| device.write(document) }
        end
      end

      # Opens it for what is written as it comes, behind what is there.
      #
      # @return [File]
      # @raise [OverSIP::RuntimeError] it cannot be written
      def append
        outside do
          file = File.open(@path, APPEND, MODE)
          file.chmod(MODE) if file.stat.file?
          file
        rescue SystemCallError
          file&.close
          raise
        end
      end

      private

      # A device or pipe keeps its place.
      def replaceable?
        found = File.lstat(@path)
        raise Errno::ELOOP if found.symlink?
        raise Errno::EISDIR if found.directory?

        found.file?
      rescue Errno::ENOENT
        true
      end

      def replace(document)
        draft = File.join(File.dirname(@path), ".oversip-#{SecureRandom.hex(8)}")
        File.open(draft, NEW, MODE) { |file| file.write(document) }
        File.rename(draft, @path)
      rescue SystemCallError
        FileUtils.rm_f(draft)
        raise
      end

      def outside
        yield
      rescue Errno::ELOOP
        raise OverSIP::RuntimeError, "cannot write #{@path}: it is a symbolic link; please name the file itself, or - for " \
                                     "stdout"
      rescue Errno::EPIPE
        raise
      rescue SystemCallError => e
        raise OverSIP::RuntimeError, "cannot write #{@path}: #{SystemCallError.new(nil, e.errno).message}"
      end
    end
  end
end
