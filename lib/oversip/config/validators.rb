# frozen_string_literal: true

require "ipaddr"
require "oversip/config/collector_address"
require "oversip/config/http_address"
require "oversip/control_socket"

module OverSIP
  module Config
    # The rules that a value of oversip.conf or proxies.conf may have to satisfy, by the name that error messages use.
    #
    # @api private
    module Validators
      OCTET = /(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)/
      IPV4 = /\A#{OCTET}(?:\.#{OCTET}){3}\z/
      DOMAIN = /\A[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*\z/
      DOTTED_NUMBERS = /\A\d+(?:\.\d+)+\z/
      MAX_PORT = 65_535

      class << self
        # @param rule [Symbol] the name of a rule
        # @param argument [Object, nil] its bound or its list, for the rules that have one
        # @return [Boolean]
        def satisfied?(rule, value, argument = nil)
          argument.nil? ? public_send(rule, value) : public_send(rule, value, argument)
        end

        def boolean(value)
          [true, false].include?(value)
        end

        def fixnum(value)
          value.is_a?(Integer)
        end

        def number(value)
          value.is_a?(Numeric) && value.real? && value.to_f.finite?
        end

        # Port 0 ("any free one") is for Ruby code only, see {Parameter}.
        def port(value)
          value.is_a?(Integer) && value.between?(1, MAX_PORT)
        end

        # A text that may stand in a header: one line.
        def header_text(value)
          value.is_a?(String) && value.match?(/\A[[:graph:]](?:[[:graph:] ]*[[:graph:]])?\z/)
        end

        def ipv4(value)
          value.is_a?(String) && value.match?(IPV4) && value != "0.0.0.0"
        end

        def ipv6(value)
          return false unless value.is_a?(String) && value.match?(/\A[0-9A-Fa-f:.]+\z/)

          address = IPAddr.new(value, Socket::AF_INET6)
          !address.to_i.zero?
        rescue IPAddr::Error
          false
        end

        # `192.0.2.53`, `2001:db8::53`, `192.0.2.53:5353` or `[2001:db8::53]:5353`
        def nameserver(value)
          return false unless value.is_a?(String)
          return true if ipv4(value) || ipv6(value)

          host, port = value.match(/\A(?:\[(.+)\]|([^:]+)):(\d{1,5})\z/)&.then { |m| [m[1] || m[2], m[3].to_i] }
          !host.nil? && port(port) && (value.start_with?("[") ? ipv6(host) : ipv4(host))
        end

        # `udp:192.0.2.1:9060`, `tcp:homer.example.com:9060` or `udp:[2001:db8::1]:9060`
        def hep_collector(value)
          return false unless value.is_a?(String)

          _, address, name, port = CollectorAddress.parse(value)
          !port.nil? && port(port) && (address ? ipv6(address) : domain(name))
        end

        # `127.0.0.1:9464`, `[::1]:9464`, and `:9464` or 9464 for this machine alone. Port 0 takes any that is free.
        def http_address(value)
          host, port = HttpAddress.parse(value)
          !port.nil? && port <= MAX_PORT && (host == "0.0.0.0" || host == "::" || ipv4(host) || ipv6(host))
        end

        # Where a UNIX socket is to be; false for none.
        def socket_path(value)
          return value == false unless value.is_a?(String)

          value.start_with?("/") && !value.end_with?("/") && ControlSocket.impossible(value).nil?
        end

        # A label may begin with a digit, but numbers with dots between them are an address or nothing (RFC 1123 2.1).
        def domain(value)
          value.is_a?(String) && value.match?(DOMAIN) && (!value.match?(DOTTED_NUMBERS) || ipv4(value))
        end

        def choices(value, list)
          list.include?(value)
        end

        def greater_equal_than(value, bound)
          value.is_a?(Numeric) && value >= bound
        end

        def minor_than(value, bound)
          value.is_a?(Numeric) && value < bound
        end

        def minor_equal_than(value, bound)
          value.is_a?(Numeric) && value <= bound
        end

        # 0 for never, or a size that a request may reasonably have.
        def udp_mtu(value, sizes)
          value.is_a?(Integer) && (value.zero? || sizes.cover?(value))
        end

        # The key of flow tokens: HMAC requires at least 128 bits.
        def min_bytes(value, bound)
          value.is_a?(String) && value.bytesize >= bound
        end

        # User name and password for digest authentication, with an optional realm.
        def credentials(value)
          return false unless value.is_a?(Hash)

          texts = value.transform_keys(&:to_s)
          return false unless texts.values.all?(String) && (texts.keys - %w[username password realm]).empty?

          texts.key?("password") && header_text(texts["username"]) && (!texts.key?("realm") || header_text(texts["realm"]))
        end

        def readable_file(value)
          value.is_a?(String) && File.file?(value) && File.readable?(value)
        end

        def readable_dir(value)
          value.is_a?(String) && File.directory?(value) && File.readable?(value)
        end

        def tls_pem_chain(value)
          require "openssl"
          blocks = File.binread(value).scan(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/m)
          raise OpenSSL::X509::CertificateError, "no PEM block of a certificate in it" if blocks.empty?

          blocks.all? { |pem| OpenSSL::X509::Certificate.new(pem) }
        rescue OpenSSL::X509::CertificateError, SystemCallError => e
          explain(value, "certificate", e)
        end

        def tls_pem_private(value)
          require "openssl"
          # The empty passphrase keeps OpenSSL from asking for one on the terminal.
          key = OpenSSL::PKey.read(File.binread(value), "")
          # Ed25519 keys have no `private?`, but only private keys have this form.
          key.respond_to?(:private?) ? (key.private? or raise OpenSSL::PKey::PKeyError, "a public key") : key.private_to_der
          true
        rescue OpenSSL::PKey::PKeyError, SystemCallError => e
          explain(value, "private key without passphrase", e)
        end

        private

        # The rule alone does not describe a fault of a file.
        def explain(file, wanted, error)
          Config.log_system_error "#{file} has no usable #{wanted}: #{error.message}"
          false
        end
      end
    end
  end
end
