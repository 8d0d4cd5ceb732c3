# frozen_string_literal: true

require "openssl"
require "socket"

# Carries bytes between plain TCP and TLS, for peers without TLS: from `port` to another port.
class TlsPump
  CHUNK = 16_384

  # Takes plain connections and goes on over TLS.
  def self.to_tls(port)
    new do |plain|
      context = OpenSSL::SSL::SSLContext.new.tap { |it| it.verify_mode = OpenSSL::SSL::VERIFY_NONE }
      far = OpenSSL::SSL::SSLSocket.new(TCPSocket.new("127.0.0.1", port), context).tap(&:connect)
      [plain, far]
    end
  end

  # Takes TLS connections and goes on over plain TCP.
  def self.from_tls(port, certificate)
    context = OpenSSL::SSL::SSLContext.new
    context.add_certificate(certificate.certificate, certificate.key, certificate.intermediates)
    new { |tcp| [OpenSSL::SSL::SSLSocket.new(tcp, context).tap(&:accept), TCPSocket.new("127.0.0.1", port)] }
  end

  # @yield [TCPSocket] an accepted connection
  # @yieldreturn [Array] the two ends to connect
  def initialize(&ends)
    @server = TCPServer.new("127.0.0.1", 0)
    @threads = [Thread.new { loop { connect(ends.call(@server.accept)) } }]
    @threads.first.report_on_exception = false
  end

  def port
    @server.addr[1]
  end

  def close
    @threads.each { |thread| thread.kill.join }
    @server.close
  end

  private

  # An SSLSocket may be read by one thread while another writes.
  def connect(ends)
    ends.permutation { |from, to| @threads << Thread.new { copy(from, to) } }
  end

  def copy(from, to)
    loop { to.write(from.readpartial(CHUNK)) }
  rescue IOError, SystemCallError, OpenSSL::SSL::SSLError
    [from, to].each { |socket| (socket.respond_to?(:to_io) ? socket.to_io : socket).close }
  end
end
