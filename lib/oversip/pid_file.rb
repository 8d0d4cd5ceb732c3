# frozen_string_literal: true

module OverSIP
  # The file that names the process of a daemon.
  #
  # @api private
  class PidFile
    MODE = 0o644

    # @return [String] absolute
    attr_reader :path

    # @param path [String] absolute
    def initialize(path)
      @path = path
    end

    # Writes the number of this process.
    #
    # @raise [ConfigurationError] the file cannot be written, or names another process that lives
    def create
      reason = obstacle and raise ConfigurationError, "cannot create PID file: #{reason}"
      owner = running_owner and raise ConfigurationError, "already running on PID #{owner} (or '#{path}' is stale)"

      # A new file rather than new content: a reader never sees half a number.
      remove_file
      File.write(path, "#{Process.pid}\n", mode: File::WRONLY | File::CREAT | File::EXCL, perm: MODE)
      OverSIP.pid_file = path
    rescue SystemCallError => e
      raise ConfigurationError, "cannot create PID file: #{e.message}"
    end

    # Deletes the file if it names this process.
    def remove
      remove_file if recorded_pid == Process.pid
    rescue SystemCallError
      # The directory belongs to somebody else since the privileges were dropped: nothing to be done about it.
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

    # @return [Integer, nil] the live process that the file names, other than this one
    def running_owner
      pid = recorded_pid
      pid if pid&.positive? && pid != Process.pid && alive?(pid)
    end

    def recorded_pid
      Integer(File.read(path), 10, exception: false)
    rescue SystemCallError
      nil
    end

    def alive?(pid)
      Process.kill(0, pid)
      true
    rescue Errno::EPERM
      true
    rescue Errno::ESRCH, RangeError
      false
    end

    def remove_file
      File.delete(path)
    rescue Errno::ENOENT
      nil
    end
  end
end
