# frozen_string_literal: true

require "shellwords"

module OverSIP
  module TLS
    # The server's own certificate and key.
    #
    # @api private
    module Identity
      RSA_BITS = (2048..8192)
      CURVES = { "prime256v1" => "P-256", "secp384r1" => "P-384" }.freeze
      USABLE = "RSA of 2048 to 8192 bits, EC on P-256 or P-384, or Ed25519"

      class << self
        # @param certificate_file [String] the certificate, then its intermediates (PEM)
        # @param key_file [String] (PEM)
        # @return [Hash{Symbol => Object}] `:chain` and `:key`, DER
        # @raise [ConfigurationError] naming algorithm and size of a key that cannot be used
        def read(certificate_file, key_file)
          blocks = TLS.pem_blocks(File.binread(certificate_file))
          chain = blocks.map { |block| OpenSSL::X509::Certificate.new(block) }
          # The empty passphrase keeps OpenSSL from asking for one on the terminal.
          key = OpenSSL::PKey.read(File.binread(key_file), "")
          check(chain.first, key, [certificate_file, key_file])
          { chain: chain.map(&:to_der), key: key.private_to_der }
        end

        private

        def check(certificate, key, files)
          unless usable?(key)
            raise ConfigurationError,
                  "tls[private_cert] is a key that TLS cannot use: #{describe(key)} (usable: #{USABLE}). " \
                  "A new key with a certificate that it signs itself, for tls[private_cert] and tls[public_cert]: " \
                  "#{command(certificate, *files)}"
          end
          return if certificate.check_private_key(key)

          raise ConfigurationError,
                "tls[private_cert] is not the key of tls[public_cert] (of the first certificate in the file)"
        end

        def usable?(key)
          case key
          when OpenSSL::PKey::RSA then RSA_BITS.cover?(key.n.num_bits)
          when OpenSSL::PKey::EC then CURVES.key?(key.group.curve_name)
          else key.oid.casecmp?("ED25519")
          end
        end

        # For the names of the old certificate. The files are new ones: the old ones stay until somebody moves them.
        def command(certificate, certificate_file, key_file)
          names = TLS.get_sip_identities(certificate)
          names = ["example.net"] if names.empty?
          identities = names.flat_map { |name| ["DNS:#{name}", "URI:sip:#{name}"] }
          %w[openssl req -x509 -newkey rsa:2048 -nodes -days 365].push(
            "-subj", "/CN=#{names.first}", "-addext", "subjectAltName=#{identities.join(",")}",
            "-keyout", "#{key_file}.new", "-out", "#{certificate_file}.new"
          ).shelljoin
        end

        def describe(key)
          case key
          when OpenSSL::PKey::RSA then "RSA, #{key.n.num_bits} bits"
          when OpenSSL::PKey::DSA then "DSA, #{key.p.num_bits} bits"
          when OpenSSL::PKey::EC then "EC on #{key.group.curve_name}, #{key.group.degree} bits"
          else key.oid
          end
        end
      end
    end
  end
end
