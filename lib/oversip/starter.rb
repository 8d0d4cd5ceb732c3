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
    MODES = { "oversip.conf" => 0o600, "proxies.conf" => 0o644, "server.rb" => 0o644 }.freeze

    FOLDERS = %w[tls tls/ca].freeze

    # @param path [String]
    def initialize(path)
      @path = File.expand_path(path)
    end

    # @return [Array<String>] the files that were written
    # @raise [ConfigurationError] one of them is there already: then nothing is written
    # @raise [SystemCallError]
    def write
      present = MODES.keys.map { |name| File.join(@path, name) }.select { |file| File.exist?(file) }
      raise ConfigurationError, "#{present.join(", ")}: there already, nothing was written" if present.any?

      FOLDERS.each { |folder| FileUtils.mkdir_p(File.join(@path, folder)) }
      MODES.map { |name, mode| write_file(name, mode) }
    end

    private

    def write_file(name, mode)
      text = File.read(File.join(TEMPLATES, name)).sub("@flow_token_key@") { SecureRandom.urlsafe_base64(32) }
      File.join(@path, name).tap do |file|
        File.write(file, text, mode: File::WRONLY | File::CREAT | File::EXCL, perm: mode)
      end
    end
  end
end
