# frozen_string_literal: true

require "socket"
require "oversip/system_reason"

module OverSIP
  # Where the control socket of a server is, by which `oversip status`, `oversip trace` and `oversip top` talk to it.
  #
  # @api private
  module ControlSocket
    # The folder of sockets of servers without a PID file, where the user has none of his own.
    SYSTEM_DIR = "/run/oversip"

    # Bytes that the system lets the path of a socket have, without the one that ends it.
    MOST_BYTES = Socket.sockaddr_un("x").bytesize - Socket.sockaddr_un("").bytesize - 1

    # Likewise its folder: the engine gives a socket a name of 17 bytes there before it has its own.
    MOST_FOLDER_BYTES = MOST_BYTES - "/.oversip-00000000".bytesize

    class << self
      # @return [String, nil] why the system takes no socket of this path, wherever it leads; nil: it does
      def impossible(path)
        return "it has a NUL byte" if path.include?("\0")

        folder = File.dirname(path)
        if path.bytesize > MOST_BYTES
          "#{path.bytesize} bytes are above the bound: the path of a socket has #{MOST_BYTES} bytes at most"
        elsif folder.bytesize > MOST_FOLDER_BYTES
          "the #{folder.bytesize} bytes of its folder are above the bound: #{MOST_FOLDER_BYTES} at most for a socket"
        end
      end

      # @param path [String] a configured one
      # @return [String, nil] why no socket can be made there now; nil: it can, as far as names tell
      def obstacle(path)
        return "the name is taken by something that is no socket" if File.exist?(path) && !File.socket?(path)

        folder = File.dirname(path)
        "there is no folder #{folder}" unless File.directory?(folder) || folders.include?(folder)
      end

      # @param configured [String, false, nil] `core: control_socket`
      # @param name [String] the name of the process
      # @param pid_file [String, nil] absolute
      # @return [String, nil] nil: there is none
      def path(configured, name:, pid_file: nil)
        return default(name: name, pid_file: pid_file) if configured.nil?

        configured || nil
      end

      # Beside the PID file, else in the user's folder for sockets, else in that of the system.
      #
      # @return [String]
      def default(name:, pid_file: nil)
        pid_file ? beside(pid_file) : File.join(folders.first, "#{name}.sock")
      end

      # @return [String] the path beside a PID file
      def beside(pid_file)
        "#{pid_file.delete_suffix(".pid")}.sock"
      end

      # @return [Array<String>] the folders of sockets without a PID file, the one first that is used
      def folders
        own = ENV["XDG_RUNTIME_DIR"].to_s
        [(File.join(own, "oversip") if own.start_with?("/")), SYSTEM_DIR].compact.uniq
      end

      # Makes the folder of a default path for who the server is going to run as. A folder that is there already stays whose
      # it is: the user of the server must not come by one that root relies on. What fails here is told of when the socket is
      # opened.
      #
      # @param privileges [Privileges]
      def prepare(path, privileges)
        return unless privileges.group && make_folder(path)

        File.lchown(privileges.user, privileges.group, File.dirname(path))
      rescue ControlSocketError, SystemCallError
        nil
      end

      # Makes the folder of a default path, if it is one of {folders}.
      #
      # @return [Boolean] whether it was made: false where something has that name
      # @raise [ControlSocketError]
      def make_folder(path)
        folder = File.dirname(path)
        return false unless folders.include?(folder)

        Dir.mkdir(folder, 0o700)
        true
      rescue Errno::EEXIST
        false
      rescue SystemCallError => e
        raise ControlSocketError, "control socket '#{path}': cannot make its folder: #{SystemReason.of(e)}"
      end
    end
  end
end
