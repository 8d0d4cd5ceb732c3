# frozen_string_literal: true

module OverSIP
  # Where the control socket of a server is, by which `oversip status`, `oversip trace` and `oversip top` talk to it.
  #
  # @api private
  module ControlSocket
    # The folder of sockets of servers without a PID file, where the user has none of his own.
    SYSTEM_DIR = "/run/oversip"

    class << self
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

      # Lets who the server is going to run as make sockets in the library's own folder, as long as that is root's. What
      # fails here is told of when the socket is opened.
      #
      # @param privileges [Privileges]
      def prepare(path, privileges)
        return unless own_folder?(path) && privileges.group

        make_folder(path)
        folder = File.dirname(path)
        File.chown(privileges.user, privileges.group, folder) if File.stat(folder).uid.zero?
      rescue OverSIP::RuntimeError, SystemCallError
        nil
      end

      # Makes the folder of a default path, if it is one of this library's own.
      #
      # @raise [OverSIP::RuntimeError]
      def make_folder(path)
        folder = File.dirname(path)
        Dir.mkdir(folder, 0o700) if own_folder?(path) && !File.directory?(folder)
      rescue SystemCallError => e
        reason = SystemCallError.new(nil, e.errno).message
        raise OverSIP::RuntimeError, "control socket '#{path}': cannot make its folder: #{reason}"
      end

      private

      def own_folder?(path)
        File.basename(File.dirname(path)) == "oversip"
      end
    end
  end
end
