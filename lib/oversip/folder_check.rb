# frozen_string_literal: true

require "etc"
require "oversip/folder"
require "oversip/folder_check/permissions"
require "oversip/folder_check/script"
require "oversip/folder_check/counting_target"

module OverSIP
  # Finds the mistakes in a configuration folder without starting a server: `oversip check`. server.rb is read, not run.
  #
  # @api private
  class FolderCheck
    # Parameters of oversip.conf that others must not know.
    SECRETS = [%i[sip flow_token_key], %i[metrics token], %i[hep password]].freeze
    private_constant :SECRETS

    # @param path [String] the folder
    # @param file [String] the name of oversip.conf in it
    def initialize(path, file: Config::FILE_NAME)
      @path = File.expand_path(path)
      @file = file
      @problems = []
      @advice = []
    end

    # @return [Array<String>] what has to be changed, each with the name of its file; known after {run}
    attr_reader :problems

    # @return [Array<String>] likewise what works but deserves a look
    attr_reader :advice

    # @return [Boolean] whether nothing of a configuration is there
    def missing?
      Folder.missing?(@path, file: @file)
    end

    # Checks all files.
    #
    # @return [FolderCheck] itself
    def run
      unless File.directory?(@path)
        note(@path, "#{File.exist?(@path) ? "is no folder" : "no such folder"}: #{Folder.hint(@path)}")
        return self
      end

      @configuration = check_configuration
      @profiles = check_proxies
      check_script(@profiles&.keys)
      self
    end

    private

    def check_configuration
      content = read(@file) || {}
      configuration = Config.build(file: content, config_dir: @path, scope: :network) { |error| note(@file, error.message) }
      attempt(@file) { Config::BindCheck.new(configuration).run(ports: false) }
      attempt(@file) { check_certificate(configuration.fetch(:tls)) }
      attempt(@file) { CallsPage.configured_token(configuration.fetch(:metrics)) }
      advise_on_control_socket(configuration.dig(:core, :control_socket))
      advise_on_authorities(configuration.dig(:tls, :ca_dir))
      configuration
    end

    # A folder may be made by whoever starts the server, such as systemd.
    def advise_on_control_socket(path)
      obstacle = ControlSocket.obstacle(path) if path
      @advice << "#{@file}: core[control_socket]: #{obstacle}, and the server does not start so" if obstacle
    end

    # Readable files need not match each other, nor be usable.
    def check_certificate(tls)
      files = tls.values_at(:public_cert, :private_cert)
      return unless files.all?

      identity = TLS::Identity.read(*files)
      date = TLS::Renewal.out_of_date(OpenSSL::X509::Certificate.new(identity[:chain].first))
      @advice << "#{tls[:public_cert]}: the certificate #{date}" if date
    end

    def advise_on_authorities(folder)
      return unless folder

      files = Dir.glob("*", base: folder).map { |name| File.join(folder, name) }
      closed = files.select { |file| File.file?(file) && !File.readable?(file) }
      closed.each { |file| @advice << "#{file}: the user #{Etc.getpwuid&.name} may not read it, it counts for nothing" }
    end

    # @return [Hash, nil] the profiles; nil when the file says none
    def check_proxies
      name = ProxiesConfig::FILE_NAME
      content = read(name)
      return if content.equal?(nil) && @problems.any? { |problem| problem.start_with?("#{name}: ") }

      attempt(name) do
        profiles = ProxiesConfig.build(file: content, path: in_folder(name), configuration: @configuration) do |error|
          note(name, error.detail)
        end
        check_profiles(name, profiles)
        profiles
      end
    end

    # Valid values that leave a profile without a transport.
    def check_profiles(name, profiles)
      unless profiles.key?(ProxiesConfig::DEFAULT_PROFILE)
        Config.log_system_warn "#{name} has no profile #{ProxiesConfig::DEFAULT_PROFILE}, " \
                               "which Proxy.new and Uac.new use when they are given none"
      end
      profiles.each do |profile, values|
        %i[transport_preference ip_type_preference].select { |list| values[list].empty? }.each do |list|
          note(name, "#{profile}[#{list}] has nothing that #{@file} turns on: no request can be sent")
        end
      end
    end

    def check_script(profiles)
      script = Script.new(in_folder(Folder::SCRIPT), profiles)
      script.run { |place, message, certain| certain ? note(place, message) : @advice << "#{place}: #{message}" }
      check_permissions(script.files)
    end

    # Faults that do not prevent a start.
    def check_permissions(scripts)
      names = SECRETS.select { |section, name| @configuration.dig(section, name) }
      secrets = { @file => (names.map { |section, name| "#{section}[#{name}]" }.join(" and ") if names.any?),
                  ProxiesConfig::FILE_NAME => ("credentials" if @profiles&.values&.any? { |values| values[:credentials] }) }
      secrets.each { |name, secret| advise(in_folder(name), secret: secret) }
      key = @configuration.dig(:tls, :private_cert)
      advise(key, secret: "the private key") if key
      file = @configuration.dig(:metrics, :token_file)
      advise(file, secret: "the token of the page /calls") if file
      [@path, *scripts].each { |path| advise(path) }
    end

    def advise(path, **options)
      Permissions.advice(path, **options).each { |text| @advice << "#{path.delete_prefix("#{@path}/")}: #{text}" }
    end

    # @return [Object, nil] what a YAML file says; nil too when it cannot be read
    def read(name)
      attempt(name) { Config::Source.read(in_folder(name)) }
    end

    def attempt(name)
      yield
    rescue ProxiesConfig::InvalidFile => e
      note(name, e.detail)
    rescue StandardError => e
      note(name, e.message)
    end

    # The message of the system, without the line of Ruby's own code.
    def note(name, message)
      @problems << "#{name}: #{message.sub(/ @ \w+/, "")}"
      nil
    end

    def in_folder(name)
      File.join(@path, name)
    end
  end
end
