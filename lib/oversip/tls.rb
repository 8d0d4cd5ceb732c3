# frozen_string_literal: true

require "openssl"
require "oversip/tls/authorities"
require "oversip/tls/identity"
require "oversip/tls/renewal"

module OverSIP
  # The certificates of this server, and methods for scripts that check certificates of peers.
  #
  #     def (OverSIP::SipEvents).on_server_tls_handshake(connection, pems)
  #       cert, valid = OverSIP::TLS.validate(pems)
  #       connection.close unless valid && OverSIP::TLS.get_sip_identities(cert).include?("example.net")
  #     end
  module TLS
    extend Logger

    # The result of {validate} without authorities.
    NO_AUTHORITIES = "no CAs provided, validation disabled"
    # The result of {validate} for a peer without a certificate.
    NO_CERTIFICATE = "no certificate provided by peer"

    @authorities = nil

    class << self
      # Checks whether certificates lead to one of the authorities in `tls[ca_dir]`. Names, purpose and revocation are not
      # checked.
      #
      # @param pems [Array<String>] the peer's own certificate last, the others before it may help to verify it
      # @return [Array] `[cert, true]`; `[cert, false, code, text]` when it does not verify; `[nil, false, nil, text]`
      #   without a certificate; `[nil, false, exception class, message]` when one cannot be read;
      #   `[nil, nil, nil, text]` without authorities. `cert` is an `OpenSSL::X509::Certificate`, `code` a number of OpenSSL.
      def validate(pems)
        return [nil, nil, nil, NO_AUTHORITIES] unless @authorities
        return [nil, false, nil, NO_CERTIFICATE] if pems.empty?

        *others, own = pems.map { |pem| OpenSSL::X509::Certificate.new(pem) }
        context = OpenSSL::X509::StoreContext.new(@authorities.store, own, others)
        context.verify ? [own, true] : [own, false, context.error, context.error_string]
      rescue StandardError => e
        [nil, false, e.class, e.message]
      end

      # The SIP domains that a certificate speaks for (RFC 5922): the hosts of its `sip:` URIs, else its DNS names, else,
      # without subjectAltName, its first common name. URIs with a user part are ignored.
      #
      # @param cert [OpenSSL::X509::Certificate, nil]
      # @return [Array<String>] in lower case
      # @raise [TypeError] this is no certificate
      def get_sip_identities(cert)
        return [] unless cert
        raise TypeError, "cert must be a OpenSSL::X509::Certificate, not #{cert.inspect}" unless cert.respond_to?(:to_der)

        Engine.sip_identities(cert.to_der)
      end

      # Reads certificate, key and authorities. Only a renewal reads the files again.
      #
      # @api private
      # @param tls [Hash] the section of the configuration
      # @return [Hash, nil] what the engine needs; nil without certificate
      # @raise [ConfigurationError] the key cannot be used
      def load(tls)
        forget
        return unless tls[:public_cert] && tls[:private_cert]

        @stamps = Renewal.stamps(tls)
        identity = Identity.read(tls[:public_cert], tls[:private_cert])
        @authorities = tls[:ca_dir] && Authorities.load(tls[:ca_dir])
        OverSIP.tls_public_cert = tls[:public_cert]
        OverSIP.tls_private_cert = tls[:private_cert]
        settings(identity, @authorities)
      end

      # Reads the files again if they have changed. Later handshakes in both directions use the new content.
      #
      # @api private
      # @param tls [Hash] the section of the configuration, with certificate and key
      # @return [OpenSSL::X509::Certificate, nil] the own one that was read; nil when nothing has changed
      # @raise [ConfigurationError] the files cannot be used: what was there before stays
      def renew(tls)
        stamps = Renewal.stamps(tls)
        return if stamps == @stamps

        identity = Renewal.read(tls)
        authorities = tls[:ca_dir] && Authorities.load(tls[:ca_dir])
        Engine.replace_certificates(settings(identity, authorities))
        @authorities = authorities
        @stamps = stamps
        OpenSSL::X509::Certificate.new(identity[:chain].first)
      end

      # @api private
      def forget
        @authorities = nil
        OverSIP.tls_public_cert = OverSIP.tls_private_cert = nil
      end

      # @api private
      # @param text [String] with certificates in PEM form among other things
      # @return [Array<String>]
      def pem_blocks(text)
        text.scan(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/m)
      end

      private

      # What the engine takes.
      def settings(identity, authorities)
        { **identity, authorities: authorities&.certificates.to_a.map(&:to_der) }
      end
    end
  end
end
