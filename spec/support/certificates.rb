# frozen_string_literal: true

require "fileutils"
require "openssl"
require "tmpdir"

# Certificates for examples, made once for a run: an authority, an intermediate one, and what they sign. Keys are on P-256 as
# they take no time.
module Certificates
  # A certificate with its key and the certificates between it and the root.
  Issued = Struct.new(:certificate, :key, :intermediates) do
    # The chain as a server shows it: its own first.
    def certificates
      [certificate, *intermediates]
    end

    def pem
      certificates.map(&:to_pem).join
    end
  end

  # The extended key usage id-kp-sipDomain (RFC 5924).
  SIP_DOMAIN = "1.3.6.1.5.5.7.3.20"

  class << self
    # The authority that examples trust.
    def authority
      @authority ||= issue("/CN=Example Root", authority: true)
    end

    # One that the root has signed.
    def intermediate
      @intermediate ||= issue("/CN=Example Intermediate", issuer: authority, authority: true)
    end

    # Signed by the root for a domain or an address.
    def for_name(name = "relay.example")
      @for_name ||= {}
      @for_name[name] ||= issue("/CN=#{name}", issuer: authority, names: [name.match?(/\A[\d.]+\z/) ? "IP:#{name}" : "DNS:#{name}"])
    end

    # Signed by the intermediate authority, which is part of the chain.
    def with_intermediate(name = "relay.example")
      @with_intermediate ||= issue("/CN=#{name}", issuer: intermediate, names: ["DNS:#{name}"]).tap do |issued|
        issued.intermediates = [intermediate.certificate]
      end
    end

    def self_signed(name = "relay.example")
      @self_signed ||= issue("/CN=#{name}", names: ["DNS:#{name}"])
    end

    def expired(name = "relay.example")
      @expired ||= issue("/CN=#{name}", issuer: authority, names: ["DNS:#{name}"], from: -20, days: 10)
    end

    def rsa(bits: 2048, name: "relay.example")
      @rsa ||= {}
      @rsa[bits] ||= issue("/CN=#{name}", issuer: authority, names: ["DNS:#{name}"], key: OpenSSL::PKey::RSA.new(bits))
    end

    # For an address, with these extended key usages.
    def for_usages(*usages, issuer: authority)
      issue("/CN=127.0.0.1", issuer: issuer, names: ["IP:127.0.0.1"], usages: usages)
    end

    # @param names [Array<String>, nil] the subjectAltName, such as `DNS:example.net`
    # @param from [Integer] first day of validity, from today
    # @param usages [Array<String>, nil] the extended key usage, as OpenSSL names them or by number
    def issue(subject, issuer: nil, names: nil, authority: false, usages: nil, key: OpenSSL::PKey::EC.generate("prime256v1"),
              from: -1, days: 30)
      certificate = OpenSSL::X509::Certificate.new
      certificate.version = 2
      certificate.serial = OpenSSL::BN.rand(64)
      certificate.subject = OpenSSL::X509::Name.parse(subject)
      certificate.issuer = issuer ? issuer.certificate.subject : certificate.subject
      certificate.public_key = key
      certificate.not_before = Time.now + (from * 86_400)
      certificate.not_after = certificate.not_before + (days * 86_400)
      extend_with(certificate, issuer, authority, names, usages)
      certificate.sign((issuer || Issued.new(certificate, key)).key, "SHA256")
      Issued.new(certificate, key, [])
    end

    # A folder with files for the tls section, gone at the end of the run.
    def folder
      @folder ||= Dir.mktmpdir("oversip-tls").tap { |path| at_exit { FileUtils.rm_rf(path) } }
    end

    # The tls section for a server with this certificate; the example authority is trusted unless `ca_dir` is nil.
    def section(issued = for_name, ca_dir: authorities)
      name = issued.certificate.serial.to_s(16)
      cert, key = ["#{name}.crt", "#{name}.key"].map { |file| File.join(folder, file) }
      File.write(cert, issued.pem)
      File.write(key, issued.key.private_to_pem)
      { public_cert: cert, private_cert: key, ca_dir: ca_dir }
    end

    # A folder with the certificate of the example authority.
    def authorities
      @authorities ||= File.join(folder, "ca").tap do |path|
        Dir.mkdir(path)
        File.write(File.join(path, "root.pem"), authority.certificate.to_pem)
      end
    end

    private

    def extend_with(certificate, issuer, authority, names, usages)
      factory = OpenSSL::X509::ExtensionFactory.new(issuer&.certificate || certificate, certificate)
      if authority
        certificate.add_extension(factory.create_extension("basicConstraints", "CA:TRUE", true))
        certificate.add_extension(factory.create_extension("keyUsage", "keyCertSign,cRLSign", true))
      end
      certificate.add_extension(factory.create_extension("subjectAltName", names.join(","))) if names
      certificate.add_extension(factory.create_extension("extendedKeyUsage", usages.join(","))) if usages
    end
  end
end
