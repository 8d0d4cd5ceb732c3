# frozen_string_literal: true

module OverSIP
  module TLS
    # Files of the section `tls` that may have been replaced since they were read.
    #
    # @api private
    module Renewal
      class << self
        # @param tls [Hash] the section of the configuration
        # @return [Hash{String => Array}] what tells whether a file is still the one that was read, without reading it
        def stamps(tls)
          files = tls.values_at(:public_cert, :private_cert)
          files.concat(Dir.glob("*", base: tls[:ca_dir]).map { |name| File.join(tls[:ca_dir], name) }) if tls[:ca_dir]
          files.to_h { |file| [file, stamp(file)] }
        end

        # Reads certificate and key with all checks of a start, and that the certificate is valid today: what serves is not
        # given up for less.
        #
        # @return [Hash{Symbol => Object}] see {Identity.read}
        # @raise [ConfigurationError]
        def read(tls)
          Config::SCHEMA.fetch(:tls).each { |name, parameter| parameter.check("tls", tls[name]) if tls[name] }
          identity = Identity.read(*tls.values_at(:public_cert, :private_cert))
          date = out_of_date(OpenSSL::X509::Certificate.new(identity[:chain].first))
          raise ConfigurationError, "#{tls[:public_cert]} #{date}" if date

          identity
        end

        # @param certificate [OpenSSL::X509::Certificate]
        # @return [String, nil] why it does not count today; nil when it does
        def out_of_date(certificate)
          now = Time.now
          return "has expired on #{certificate.not_after}" if certificate.not_after < now

          "is not valid before #{certificate.not_before}" if certificate.not_before > now
        end

        private

        def stamp(file)
          stat = File.stat(file)
          [stat.dev, stat.ino, stat.size, stat.mtime, stat.ctime]
        rescue SystemCallError => e
          [e.class]
        end
      end
    end
  end
end
