# frozen_string_literal: true

require "oversip/logger/stderr_target"

module OverSIP
  module Log
    # A file that records are appended to.
    #
    # @api private
    class FileTarget < Logger::StderrTarget
      MODE = 0o640

      # @return [String] absolute
      attr_reader :path

      # @param path [String] absolute
      # @param wary [Boolean] whether it is opened by root for another user, who may have put anything in that place: then it
      #   is only opened where no link leads to it
      # @raise [SystemCallError] it cannot be opened
      # @raise [ConfigurationError] it is opened warily and is not what it should be
      def initialize(path, wary: false)
        @path = path
        super(wary ? open_warily : open_file, color: false, timestamps: true)
      end

      # Gives a new file to the user of the server, who can then {#reopen} it. An older file keeps its owner.
      #
      # @param user [Integer, nil]
      # @param group [Integer, nil]
      # @return [Boolean] whether that user can open it again, as far as one can tell
      # @raise [SystemCallError]
      def give_to(user, group)
        @io.chown(user, group) if @made
        writable?(@io.stat, user, group)
      end

      # Writes one record.
      def deliver(record)
        if (file = @next)
          @next = nil
          @io.close
          @io = file
        end
        super
      end

      # Opens the path again, with the rights of the present user. The next {#deliver}, which uses the old file, closes it.
      def reopen
        @next = open_file
      end

      private

      def open_file(flags = File::CREAT)
        File.open(@path, File::WRONLY | File::APPEND | flags, MODE).tap { |file| file.sync = true }
      end

      # NOFOLLOW checks the last name of the path only. NONBLOCK: a named pipe must not block the start.
      def open_warily
        folder = File.dirname(@path)
        real = File.realpath(folder)
        refuse_linked(folder, real) unless real == folder
        file = make || open_file(File::NOFOLLOW | File::NONBLOCK)
        check(file)
        file
      rescue Errno::ELOOP
        refuse_linked(@path, File.readlink(@path))
      rescue StandardError
        file&.close
        raise
      end

      # @return [File, nil] nil when there is one
      def make
        open_file(File::CREAT | File::EXCL | File::NOFOLLOW).tap { @made = true }
      rescue Errno::EEXIST
        nil
      end

      def check(file)
        stat = file.stat
        refuse("is no regular file") unless stat.file?
        refuse("has #{stat.nlink} names (hard links)") if stat.nlink > 1
        # The folders may have changed since they were checked.
        descriptor = "/proc/self/fd/#{file.fileno}"
        real = File.readlink(descriptor) if File.symlink?(descriptor)
        refuse_linked(@path, real) unless [nil, @path].include?(real)
      end

      def refuse_linked(name, real)
        raise ConfigurationError, "#{name} leads to #{real}, and root does not follow links for another user: name " \
                                  "the file where it is"
      end

      def refuse(fault)
        raise ConfigurationError, "#{@path} #{fault}, and root does not open that for another user: name another file"
      end

      def writable?(stat, user, group)
        return stat.mode.anybits?(0o200) if stat.uid == (user || Process.euid)

        stat.mode.anybits?(stat.gid == group ? 0o020 : 0o002)
      end
    end
  end
end
