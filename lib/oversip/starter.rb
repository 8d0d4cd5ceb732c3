# frozen_string_literal: true

require "fileutils"
require "securerandom"

module OverSIP
  # A configuration folder to begin with: `oversip init DIR`.
  #
  # @api private
  class Starter
    TEMPLATES = File.expand_path("starter", __dir__)

    # The main file holds the key of the flow tokens.
    MODES = { "oversip.conf" => 0o600, "proxies.conf" => 0o644, "server.rb" => 0o644, "spec/server_spec.rb" => 0o644 }.freeze

    FOLDERS = %w[spec tls tls/ca].freeze

    # @param path [String]
    def initialize(path)
      @path = File.expand_path(path)
    end

    # @return [Array<String>] the files that were written
    # @raise [ConfigurationError] one of them is there already, and nothing is written then; or one cannot be written
    def write
      refuse_to_write_over
      FOLDERS.each { |folder| FileUtils.mkdir_p(File.join(@path, folder)) }
      MODES.map { |name, mode| write_file(name, mode) }
    rescue Errno::EEXIST, Errno::ENOTDIR
      raise ConfigurationError, "cannot write '#{@path}': there is a file where a folder has to be"
    rescue SystemCallError => e
      raise ConfigurationError, "cannot write '#{@path}': #{reason(e)}"
    end

    private

    def refuse_to_write_over
      present = MODES.keys.map { |name| File.join(@path, name) }.select { |file| File.exist?(file) }
      raise ConfigurationError, "#{present.join(", ")}: there already, nothing was written" if present.any?
    end

    # The words of the system, without the place in Ruby's own code.
    def reason(error)
      error.message.sub(/ @ .*/, "")
    end

    def write_file(name, mode)
      text = File.read(File.join(TEMPLATES, File.basename(name))).sub("@flow_token_key@") { SecureRandom.urlsafe_base64(32) }
      File.join(@path, name).tap do |file|
        File.write(file, text, mode: File::WRONLY | File::CREAT | File::EXCL, perm: mode)
      end
    end
  end
end
