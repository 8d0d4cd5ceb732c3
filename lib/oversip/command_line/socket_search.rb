# frozen_string_literal: true

require "etc"
require "socket"
require "oversip/config"
require "oversip/control_socket"
require "oversip/monitor_client"
require "oversip/system_reason"

module OverSIP
  class CommandLine
    # Where the server listens that a command is to ask.
    #
    # @api private
    class SocketSearch
      # What the options of the command say; each is nil when it was not given.
      #
      # @!attribute socket
      #   @return [String, nil] path
      # @!attribute pid_file
      #   @return [String, nil] path
      # @!attribute config_dir
      #   @return [String, nil] path of a folder with oversip.conf
      # @!attribute config_file
      #   @return [String, nil] its name there
      # @!attribute process_name
      #   @return [String, nil]
      Given = Struct.new(:socket, :pid_file, :config_dir, :config_file, :process_name, keyword_init: true)

      # @param given [Given]
      def initialize(given)
        @given = given
      end

      # @return [String] the path of a socket
      # @raise [MonitorClient::Error] there is none, or there are several
      def path
        @given.socket || beside_pid_file || of_folder || by_name || configured || the_only_one
      end

      private

      def beside_pid_file
        file = @given.pid_file
        file && ControlSocket.beside(file)
      end

      # What oversip.conf says, else the server that says that its files are there.
      def of_folder
        folder = @given.config_dir or return
        configured || sockets.find { |path| folder_of(path) == real(folder) } ||
          raise(nobody("no socket of a server with the files of #{folder} in", ControlSocket.folders))
      end

      def real(folder)
        File.realpath(folder)
      rescue SystemCallError => e
        raise MonitorClient::Error, "#{folder} cannot be read: #{SystemReason.of(e)}"
      end

      def folder_of(path)
        folder = MonitorClient.new(path).status["folder"] if living?(path)
        folder && File.realpath(folder)
      rescue MonitorClient::NoAnswer, SystemCallError
        nil
      end

      # A folder that was not given may be unreadable, or that of another server.
      def configured
        folder = @given.config_dir || DEFAULT_DIR
        file = File.join(folder, @given.config_file || Config::FILE_NAME)
        value = Config::Source.sections(Config::Source.read(file)).dig(:core, :control_socket)
        return value if value.is_a?(String)

        off(file) if value == false && @given.config_dir
      rescue SystemCallError, Psych::Exception, EncodingError, ArgumentError => e
        return unless @given.config_dir

        reason = e.is_a?(SystemCallError) ? SystemReason.of(e) : e.message
        raise MonitorClient::Error, "#{file} cannot be read: #{reason}"
      end

      def off(file)
        raise MonitorClient::Error, "the server has no socket: core[control_socket] is \"no\" in #{file}"
      end

      def by_name
        name = @given.process_name or return
        paths = ControlSocket.folders.map { |folder| File.join(folder, "#{name}.sock") }
        paths.find { |path| File.socket?(path) } || raise(nobody("no socket of a server named #{name} in", paths))
      end

      def the_only_one
        paths = sockets
        living = paths.select { |path| living?(path) }
        raise several(living) if living.size > 1

        living.first || paths.first || raise(nobody("no socket of a server in", ControlSocket.folders))
      end

      def sockets
        ControlSocket.folders.flat_map { |folder| Dir[File.join(folder, "*.sock")] }
      end

      # What may not be opened may live: asking it says whose it is.
      def living?(path)
        MonitorClient.open(path).close
        true
      rescue Errno::EACCES
        true
      rescue SystemCallError, MonitorClient::Error
        false
      end

      # A folder that may not be looked into may have one.
      def nobody(words, places)
        closed = ControlSocket.folders.find { |folder| File.directory?(folder) && !open?(folder) }
        return MonitorClient.closed(closed) if closed

        MonitorClient::NoAnswer.new("#{words} #{places.join(" and ")}: does the server run, as this user? " \
                                    "Its folder (--config-dir DIR), PID file (--pid FILE) or socket (--socket PATH) " \
                                    "says where it is")
      end

      def open?(folder)
        File.readable?(folder) && File.executable?(folder)
      end

      def several(paths)
        MonitorClient::Error.new("several servers run: choose one by --socket #{paths.join(" or --socket ")}")
      end
    end
  end
end
