# frozen_string_literal: true

require "fileutils"
require "openssl"
require "oversip/testing/arguments"
require "tmpdir"

module OverSIP
  module Testing
    # Certificates for the peers of worlds and for the element. They are real ones, made for this run of the specs:
    # `verify_server` and `OverSIP::TLS.validate` judge them.
    module Certificates
      # A certificate and its key.
      #
      # @!attribute certificate
      #   @return [OpenSSL::X509::Certificate]
      # @!attribute key
      #   @return [OpenSSL::PKey::PKey]
      Issued = Struct.new(:certificate, :key) do
        # @return [Array<String>] PEM, as a peer shows it
        def pems
          [certificate.to_pem]
        end
      end

      # Seconds.
      DAY = 86_400

      @issued = {}

      class << self
        # @param names [Array<String>] domains or IP addresses that it speaks for
        # @param expired [Boolean] whether its last day is over
        # @param by [Symbol] who has signed it: :authority, whom the configuration of a world trusts; :stranger, whom nobody
        #   knows; :itself
        # @return [Issued] the same one each time
        # @raise [ArgumentError] nobody can have signed it
        def issue(*names, expired: false, by: :authority)
          raise ArgumentError, "a certificate needs a name that it is for" if names.empty?

          names = names.map { |name| Arguments.word("the name of a certificate", name) }
          @issued[[names, expired, by]] ||= make(names, signer(by), from: expired ? -20 : -1, days: expired ? 10 : 30)
        end

        # The files of the element, for the section `tls` of its configuration.
        #
        # @param names [Array<String>] what the element is called
        # @return [Hash{Symbol => String}] paths of `:public_cert`, `:private_cert` and `:ca_dir`
        # @api private
        def files(names)
          own = issue(*names)
          folder = File.join(self.folder, own.certificate.serial.to_s)
          paths = { public_cert: File.join(folder, "public.pem"), private_cert: File.join(folder, "private.pem"),
                    ca_dir: File.join(self.folder, "authorities") }
          write(paths, own) unless File.exist?(folder)
          paths
        end

        private

        def write(paths, own)
          paths.each_value { |path| FileUtils.mkdir_p(File.dirname(path)) }
          File.write(paths[:public_cert], own.certificate.to_pem)
          File.write(paths[:private_cert], own.key.private_to_pem)
          FileUtils.mkdir_p(paths[:ca_dir])
          File.write(File.join(paths[:ca_dir], "authority.pem"), authority(:authority).certificate.to_pem)
        end

        # Removed at the end of the process that has made it.
        def folder
          @folder ||= Dir.mktmpdir("oversip-testing").tap do |path|
            process = Process.pid
            at_exit { FileUtils.rm_rf(path) if Process.pid == process }
          end
        end

        def signer(by)
          case by
          when :authority, :stranger then authority(by)
          when :itself then nil
          else raise ArgumentError, "by: is :authority, :stranger or :itself, not #{by.inspect}"
          end
        end

        def authority(name)
          @issued[name] ||= make([name.to_s], nil, from: -1, days: 30, authority: true)
        end

        def make(names, signer, from:, days:, authority: false)
          key = OpenSSL::PKey::EC.generate("prime256v1")
          certificate = OpenSSL::X509::Certificate.new
          certificate.version = 2
          certificate.serial = OpenSSL::BN.rand(64)
          certificate.subject = OpenSSL::X509::Name.new([["CN", names.first.to_s]])
          certificate.issuer = signer ? signer.certificate.subject : certificate.subject
          certificate.public_key = key
          certificate.not_before = Time.now + (from * DAY)
          certificate.not_after = certificate.not_before + (days * DAY)
          extend_with(certificate, signer, authority ? authority_extensions : peer_extensions(names))
          certificate.sign(signer ? signer.key : key, OpenSSL::Digest.new("SHA256"))
          Issued.new(certificate, key)
        end

        def authority_extensions
          [["basicConstraints", "CA:TRUE", true], ["keyUsage", "keyCertSign,cRLSign", true]]
        end

        def peer_extensions(names)
          entries = names.map { |name| "#{name.match?(/\A[\d.]+\z|:/) ? "IP" : "DNS"}:#{name}" }
          [["basicConstraints", "CA:FALSE", true], ["keyUsage", "digitalSignature", true],
           *([["subjectAltName", entries.join(","), false]] unless entries.empty?)]
        end

        def extend_with(certificate, signer, extensions)
          factory = OpenSSL::X509::ExtensionFactory.new
          factory.subject_certificate = certificate
          factory.issuer_certificate = signer ? signer.certificate : certificate
          extensions.each { |extension| certificate.add_extension(factory.create_extension(*extension)) }
        end
      end
    end
  end
end
