# frozen_string_literal: true

require "openssl"

module Bench
  # A certificate that signs itself, with its key, in files for relays and pumps. Nobody checks it.
  class CertificateFiles
    attr_reader :certificate, :key

    def initialize(folder)
      @certificate = File.join(folder, "bench.crt")
      @key = File.join(folder, "bench.key")
      key = OpenSSL::PKey::EC.generate("prime256v1")
      File.write(@key, key.private_to_pem)
      File.write(@certificate, signed(key).to_pem)
    end

    private

    def signed(key)
      OpenSSL::X509::Certificate.new.tap do |made|
        made.version = 2
        made.serial = OpenSSL::BN.rand(64)
        made.subject = made.issuer = OpenSSL::X509::Name.parse("/CN=127.0.0.1")
        made.public_key = key
        made.not_before = Time.now - 86_400
        made.not_after = Time.now + (30 * 86_400)
        made.sign(key, "SHA256")
      end
    end
  end
end
