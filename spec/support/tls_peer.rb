# frozen_string_literal: true

require_relative "certificates"
require_relative "sip_peer"

# A TLS stream with the methods of a socket that peers use, and with deadlines.
class TlsStream
  def initialize(ssl)
    @ssl = ssl
    @buffer = +""
  end

  attr_reader :ssl

  def local_address
    @ssl.to_io.local_address
  end

  def to_io
    @ssl.to_io
  end

  # As of a socket: :wait_readable when nothing is there, nil at the end.
  def read_nonblock(_, **)
    return :wait_readable unless ready?

    @buffer.empty? ? nil : @buffer.slice!(0..)
  end

  def write(text)
    @ssl.write(text)
  end

  def close
    @ssl.close
    @ssl.to_io.close
  rescue SystemCallError, OpenSSL::SSL::SSLError
    # The other side was faster.
  end

  private

  def ready?
    return true if @ended || !@buffer.empty?

    case (read = @ssl.read_nonblock(65_536, exception: false))
    when :wait_readable, :wait_writable then false
    when nil then @ended = true
    else @buffer << read
    end
  rescue OpenSSL::SSL::SSLError, SystemCallError
    @ended = true
  end
end

# A peer on one TLS connection.
class TlsPeer < TcpPeer
  # Connects to a server and shakes hands.
  #
  # @param certificate [Certificates::Issued, nil] what to show
  # @yield [OpenSSL::SSL::SSLContext]
  def self.connect(port, ip = "127.0.0.1", certificate: nil, server_name: nil)
    context = OpenSSL::SSL::SSLContext.new
    context.verify_mode = OpenSSL::SSL::VERIFY_NONE
    context.add_certificate(certificate.certificate, certificate.key, certificate.intermediates) if certificate
    yield context if block_given?
    tcp = TCPSocket.new(ip, port)
    ssl = OpenSSL::SSL::SSLSocket.new(tcp, context)
    ssl.hostname = server_name if server_name
    ssl.connect
    new(TlsStream.new(ssl))
  rescue StandardError
    tcp&.close
    raise
  end

  def protocol
    "TLS"
  end

  # @return [OpenSSL::SSL::SSLSocket]
  def ssl
    socket.ssl
  end
end

# A TLS listener whose connections are peers.
class TlsServerPeer < TcpServerPeer
  # @param certificate [Certificates::Issued]
  # @yield [OpenSSL::SSL::SSLContext]
  def initialize(certificate = Certificates.for_name, ip = "127.0.0.1", port: 0)
    super(ip, port: port)
    @context = OpenSSL::SSL::SSLContext.new
    @context.add_certificate(certificate.certificate, certificate.key, certificate.intermediates)
    @context.verify_mode = OpenSSL::SSL::VERIFY_PEER
    @context.verify_callback = ->(*) { true }
    @context.session_id_context = "spec"
    @context.servername_cb = lambda { |(_, name)|
      @server_name = name
      nil
    }
    yield @context if block_given?
  end

  # @return [String, nil] what the last client named
  attr_reader :server_name

  # @return [TlsPeer] after the handshake
  def accept(limit = SipPeer::LIMIT)
    raise "no connection within #{limit} s" unless @server.wait_readable(limit)

    ssl = OpenSSL::SSL::SSLSocket.new(@server.accept, @context)
    ssl.accept
    TlsPeer.new(TlsStream.new(ssl))
  end

  # Waits for a connection that fails or ends in its handshake or at once after it; nothing may come over it.
  #
  # @return [String] what came nevertheless
  def accept_refused(limit = SipPeer::LIMIT)
    peer = accept(limit)
    peer.closed_by_peer?(limit) or raise "the connection stays"
    peer.received
  rescue OpenSSL::SSL::SSLError, SystemCallError
    ""
  ensure
    peer&.close
  end
end

# For examples tagged `:native`.
module TlsHelpers
  # What `OverSIP.start` needs for TLS on a free port.
  def tls_configuration(issued = Certificates.for_name, ca_dir: Certificates.authorities, **sip)
    { sip: { sip_tls: true, listen_port_tls: 0, **sip }, tls: Certificates.section(issued, ca_dir: ca_dir) }
  end

  def tls_port
    OverSIP.configuration[:sip][:listen_port_tls]
  end

  def tls_peer(port = tls_port, **options, &)
    TlsPeer.connect(port, **options, &).tap { |peer| opened << peer }
  end

  def tls_server(certificate = Certificates.for_name, ip = "127.0.0.1", **options, &)
    TlsServerPeer.new(certificate, ip, **options, &).tap { |peer| opened << peer }
  end

  # Sets a TLS callback until the example ends.
  def on_tls_handshake(name, events = OverSIP::SipEvents, &block)
    changed_events << [events, name, events.method(name)]
    events.define_singleton_method(name) { |connection, pems| block.call(connection, pems) }
  end

  def changed_events
    @changed_events ||= []
  end
end

RSpec.configure do |config|
  config.include TlsHelpers, :native

  config.after(:each, :native) do
    OverSIP.stop(timeout: 0) if OverSIP.running?
    changed_events.reverse_each { |events, name, original| events.define_singleton_method(name, original) }
  end
end
