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
        return pid_file.delete_suffix(".pid").concat(".sock") if pid_file

        own = ENV["XDG_RUNTIME_DIR"].to_s
        File.join(own.start_with?("/") ? File.join(own, "oversip") : SYSTEM_DIR, "#{name}.sock")
      end

      # Makes the folder of a default path, if it is one of this library's own.
      #
      # @raise [OverSIP::RuntimeError]
      def make_folder(path)
        folder = File.dirname(path)
        Dir.mkdir(folder, 0o700) if File.basename(folder) == "oversip" && !File.directory?(folder)
      rescue SystemCallError => e
        reason = SystemCallError.new(nil, e.errno).message
        raise OverSIP::RuntimeError, "control socket '#{path}': cannot make its folder: #{reason}"
      end
    end
  end
end
