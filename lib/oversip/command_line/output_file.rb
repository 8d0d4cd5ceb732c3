# frozen_string_literal: true

require "fileutils"
require "securerandom"
require "oversip/command_line/output"
require "oversip/errors"

module OverSIP
  class CommandLine
    # A file for what was said on calls: its owner alone may read it, also where it was there, and the owner is who runs the
    # command. It is never written through a symbolic link, which somebody else may have put into the folder. A descriptor
    # that the command has got from its shell is what it is: `-o >(less)`.
    #
    # @api private
    class OutputFile
      MODE = 0o600
      # Rights of others.
      OTHERS = 0o077
      NEW = File::WRONLY | File::CREAT | File::EXCL | File::APPEND | File::NOFOLLOW | File::BINARY
      THERE = File::WRONLY | File::APPEND | File::NOFOLLOW | File::BINARY
      READ = File::RDONLY | File::NOFOLLOW | File::NONBLOCK | File::BINARY
      DESCRIPTOR = %r{\A/dev/(?:fd/(?<number>\d{1,9})|(?<name>stdout|stderr))\z}
      NUMBERS = { "stdout" => 1, "stderr" => 2 }.freeze
      private_constant :MODE, :OTHERS, :NEW, :THERE, :READ, :DESCRIPTOR, :NUMBERS

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
          file = descriptor || device || draft
          file.write(document)
          put_in_place(file)
        ensure
          file&.close
          discard
        end
      end

      # Opens it for what is written as it comes, behind what is there.
      #
      # @return [File]
      # @raise [OverSIP::RuntimeError] it cannot be written
      def append
        outside do
          descriptor || device || private_file || copy
        ensure
          discard
        end
      end

      private

      # @return [IO, nil] another one that leads to the same place
      def descriptor
        match = DESCRIPTOR.match(@path) or return
        number = match[:number]&.to_i || NUMBERS.fetch(match[:name])
        IO.for_fd(number, "wb", autoclose: false).dup
      rescue ArgumentError
        raise Errno::EBADF # Ruby's own
      end

      # @return [File, nil] a device or pipe, which keeps its place
      def device
        return if found.nil? || found.file?

        open_there
      end

      # @return [File, nil] a file that nobody else has been able to open
      def private_file
        open_there if found && (found.mode & OTHERS).zero?
      end

      # Who has opened a file that others may read goes on reading it: another one takes its place.
      def copy
        file = draft
        File.open(@path, READ) { |former| IO.copy_stream(former, file) if allowed(former.stat).file? } if found
        put_in_place(file)
        file
      end

      # What has the name. Ask it first: to open a pipe waits for its reader.
      #
      # @return [File::Stat, nil]
      def found
        allowed(File.lstat(@path))
      rescue Errno::ENOENT
        nil
      end

      def open_there
        file = File.open(@path, THERE)
        allowed(file.stat)
        file
      rescue StandardError
        file&.close
        raise
      end

      # Whoever owns a file or pipe decides who reads it. Devices are the system's.
      def allowed(stat)
        raise Errno::ELOOP if stat.symlink?
        raise Errno::EISDIR if stat.directory?
        return stat if stat.owned? || (stat.chardev? && stat.uid.zero?)

        raise OverSIP::RuntimeError, "cannot write #{@path}: it belongs to another user, who could read it; please name " \
                                     "another file, or - for stdout"
      end

      def draft
        @draft = File.join(File.dirname(@path), ".oversip-#{SecureRandom.hex(8)}")
        File.open(@draft, NEW, MODE)
      end

      def put_in_place(file)
        return unless @draft

        file.flush
        File.rename(@draft, @path)
      end

      # Also after an Interrupt. What has been put in its place has another name.
      def discard
        FileUtils.rm_f(@draft) if @draft
      end

      def outside(&)
        Output.outside(@path, &)
      rescue OverSIP::RuntimeError => e
        raise unless e.cause.is_a?(Errno::ELOOP)

        raise OverSIP::RuntimeError, "cannot write #{@path}: it is a symbolic link; please name the file itself, or - for " \
                                     "stdout"
      end
    end
  end
end
