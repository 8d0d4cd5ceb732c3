# frozen_string_literal: true

module OverSIP
  # The file with the process id of a daemon. A lock on it (flock) shows that the process lives. The lock always ends with
  # the process, so that an old number prevents no start, even if another process has that number now.
  #
  # @api private
  class PidFile
    MODE = 0o644

    # The number of tries to get the lock, and the seconds between them: a check whether the server lives holds it for a
    # moment.
    TRIES = 10
    INTERVAL = 0.05

    # @return [String] absolute
    attr_reader :path

    # @param path [String] absolute
    def initialize(path)
      @path = path
    end

    # Says early that the server runs. Makes no file: it would be root's.
    #
    # @raise [ConfigurationError] another process has locked the file
    def refuse_running
      return unless File.file?(path)

      File.open(path, File::RDONLY | File::NONBLOCK) { |file| locked?(file, File::LOCK_SH) or raise already_running }
    rescue SystemCallError
      # {create} raises the error.
    end

    # Locks the file and writes the id of this process, which has to be the serving one: the lock ends with it. What it forks
    # without exec has the lock too.
    #
    # @raise [ConfigurationError] the file cannot be written, or another process has locked it
    def create
      reason = obstacle and raise ConfigurationError, "cannot create PID file: #{reason}"
      @file = lock or raise already_running

      # In one write, so that a reader never sees half a number.
      @file.truncate(0)
      @file.syswrite("#{Process.pid}\n")
      OverSIP.pid_file = path
    rescue SystemCallError => e
      raise ConfigurationError, "cannot create PID file: #{e.message}"
    end

    # Deletes the file, if this process has locked it, and then ends the lock.
    def remove
      return unless @file

      File.delete(path) if current?(@file)
    rescue SystemCallError
      # Without root's rights the process may not delete a file in this directory.
    ensure
      @file&.close
      @file = nil
    end

    private

    def obstacle
      if File.exist?(path)
        # The words are those that scripts around the original look for.
        return "'#{path}' exits and is not a regular file" unless File.file?(path)
        return "'#{path}' is not readable" unless File.readable?(path)
        return "'#{path}' is not writable" unless File.writable?(path)
      end
      directory = File.dirname(path)
      "directory '#{directory}' is not writable" unless File.directory?(directory) && File.writable?(directory)
    end

    # @return [File, nil] nil when another process has the lock
    def lock
      loop do
        file = File.open(path, File::RDWR | File::CREAT, MODE)
        return file.close unless locked?(file, File::LOCK_EX)
        return file if current?(file)

        # The process that had the lock has deleted the file since it was opened here: there may be a new one.
        file.close
      end
    end

    def locked?(file, kind)
      TRIES.times do |try|
        sleep INTERVAL if try.positive?
        return true if file.flock(kind | File::LOCK_NB)
      end
      false
    end

    def already_running
      ConfigurationError.new("already running on PID #{recorded_pid || "?"}")
    end

    # Whether the path leads to this file and not to another one.
    def current?(file)
      File.identical?(file, path)
    end

    def recorded_pid
      Integer(File.read(path), 10, exception: false)
    rescue SystemCallError
      nil
    end
  end
end
