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
      # @raise [SystemCallError] it cannot be opened
      def initialize(path)
        @path = path
        super(open, color: false, timestamps: true)
      end

      # Lets a user who has no right to make such files open it {#reopen again}, if it is a file.
      #
      # @param user [Integer, nil]
      # @param group [Integer, nil]
      # @raise [SystemCallError]
      def give_to(user, group)
        @io.chown(user, group) if @io.stat.file?
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

      # Opens the path again. The old file is closed by whoever writes to it: the next {#deliver}.
      def reopen
        @next = open
      end

      private

      def open
        File.open(@path, File::WRONLY | File::APPEND | File::CREAT, MODE).tap { |file| file.sync = true }
      end
    end
  end
end
