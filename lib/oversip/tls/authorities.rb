# frozen_string_literal: true

module OverSIP
  module TLS
    # The certificates of a folder, as an OpenSSL store.
    #
    # @api private
    class Authorities
      extend Logger

      @log_id = "TLS"

      # @return [Array<OpenSSL::X509::Certificate>]
      attr_reader :certificates

      # @return [OpenSSL::X509::Store]
      attr_reader :store

      class << self
        # Reads the regular files of a folder, without hidden files and subfolders. Unusable files are left out with a
        # record.
        #
        # @return [Authorities, nil] nil when there is no certificate
        def load(folder)
          certificates = files(folder).flat_map { |file| certificates_of(file) }
          certificates = without_expired(certificates)
          certificates = without_duplicates(certificates)
          return new(certificates) unless certificates.empty?

          log_system_notice "no CA certificates in '#{folder}': certificates cannot be validated"
          nil
        end

        private

        def files(folder)
          names = Dir.children(folder).reject { |name| name.start_with?(".") }.sort
          present = names.map { |name| File.join(folder, name) }.select { |file| File.file?(file) }
          readable, closed = present.partition { |file| File.readable?(file) }
          log_system_warn "CA certificates that may not be read are left out: #{closed.join(", ")}" if closed.any?
          readable
        end

        def certificates_of(file)
          text = File.read(file, encoding: Encoding::UTF_8)
          unless text.valid_encoding?
            log_system_error "'#{file}' is not UTF-8 text: ignored"
            return []
          end
          blocks = TLS.pem_blocks(text)
          log_system_warn "no certificate in '#{file}'" if blocks.empty?
          blocks.filter_map { |block| certificate(block, file) }
        end

        def certificate(block, file)
          OpenSSL::X509::Certificate.new(block)
        rescue OpenSSL::X509::CertificateError => e
          log_system_error "a certificate in '#{file}' cannot be read: #{e.message}"
          nil
        end

        def without_expired(certificates)
          expired, valid = certificates.partition { |certificate| certificate.not_after < Time.now }
          log_system_info "CA certificates that have expired are left out: #{named(expired)}" if expired.any?
          valid
        end

        def without_duplicates(certificates)
          groups = certificates.group_by(&:to_der).values
          repeated = groups.select { |equal| equal.size > 1 }
          if repeated.any?
            named = repeated.map { |equal| "#{equal.first.subject} (there #{equal.size} times)" }.join(", ")
            log_system_warn "CA certificates are there more than once: #{named}"
          end
          groups.map(&:first)
        end

        # @return [String] how many they are, and their subjects
        def named(certificates)
          "#{certificates.size} (#{certificates.map { |certificate| certificate.subject.to_s }.join(", ")})"
        end
      end

      def initialize(certificates)
        @certificates = certificates
        @store = OpenSSL::X509::Store.new
        certificates.each { |certificate| @store.add_cert(certificate) }
      end
    end
  end
end
