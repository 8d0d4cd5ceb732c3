# frozen_string_literal: true

# Registers a user, keeps the registration alive until Ctrl-C and then takes it back:
#
#   PASSWORD=secret ruby -Ilib examples/uac/register.rb sip:alice@example.net
#   PASSWORD=secret ruby -Ilib examples/uac/register.rb sip:alice@example.net 127.0.0.1:5070    # by this server
#   LISTEN=192.0.2.1 PASSWORD=secret ruby -Ilib examples/uac/register.rb sip:alice@example.net  # others call this address
#
# Without LISTEN the registration names a socket that takes nothing but answers: it proves the password, but nobody can call
# there. With it OverSIP listens at that address of this machine.

require "oversip"
require "securerandom"

# One address of record at its registrar (RFC 3261 10.2).
class Registration
  # Seconds that are asked for; the registrar may grant others.
  EXPIRES = 600

  # HOST or HOST:PORT; an IPv6 address stands in brackets.
  SERVER = /\A(?:\[(?<ipv6>.+)\]|(?<host>[^:]+))(?::(?<port>\d+))?\z/

  # @param server [String, nil] where to send to, instead of the domain's own servers
  # @raise [OverSIP::Error] it is no such place
  def initialize(aor, password, server: nil)
    @aor = OverSIP::SIP::Uri.parse(aor)
    @host, @port = place(server) if server
    @uac = OverSIP::SIP::Uac.new(credentials: { username: @aor.user, password: password })
    # All registrations of one user agent have one Call-ID and rising CSeq numbers.
    @call_id = "#{SecureRandom.hex(8)}@register"
    @cseq = 0
    # Tells this contact of the user from those of other devices.
    @line = SecureRandom.hex(4)
  end

  # @return [Integer] the seconds until the registration ends
  # @raise [OverSIP::SIP::ClientError] nobody has answered
  # @raise [OverSIP::Error] the registrar has refused
  def register(expires = EXPIRES)
    request = register_request(expires)
    response = @uac.call(request, @host, @port, timeout: 20)
    # A challenge has taken a number of its own.
    @cseq = request.cseq
    raise OverSIP::Error, "#{response.status_code} #{response.reason_phrase}" unless response.status_code == 200

    granted(response) || expires
  end

  def unregister
    register(0)
  end

  private

  def place(server)
    found = SERVER.match(server) or raise OverSIP::Error, "the server must be HOST:PORT or [IPV6]:PORT, not #{server}"
    [found[:ipv6] || found[:host], found[:port]&.to_i]
  end

  def register_request(expires)
    # The address of the listener. A REGISTER that leaves by another socket names that one.
    own = "#{OverSIP::SIP.local_ipv4}:#{OverSIP.configuration[:sip][:listen_port]}"
    contact = "<sip:#{@aor.user}@#{own};line=#{@line}>;expires=#{expires}"
    address = "<sip:#{@aor.user}@#{@aor.host}>"
    OverSIP::SIP::UacRequest.new({ sip_method: :REGISTER, ruri: "sip:#{@aor.host}", from: address, to: address,
                                   call_id: @call_id, cseq: @cseq += 1 }, ["Contact: #{contact}"])
  end

  # The registrar lists all contacts of the user.
  def granted(response)
    contacts = response.header_all("Contact").join(",")
    contacts[/;line=#{@line}[^>]*>[^,]*;expires=(\d+)/i, 1]&.to_i
  end
end

if $PROGRAM_NAME == __FILE__
  aor = ARGV.fetch(0) { abort "usage: PASSWORD=… ruby -Ilib #{$PROGRAM_NAME} sip:USER@DOMAIN [HOST:PORT]" }
  begin
    OverSIP.start(configuration: { sip: { listen_port: 0, listen_ipv4: ENV.fetch("LISTEN", nil) } }) do
      registration = Registration.new(aor, ENV.fetch("PASSWORD"), server: ARGV[1])
      begin
        loop do
          seconds = registration.register
          puts "registered for #{seconds} s"
          $stdout.flush
          sleep [seconds - 10, 1].max
        end
      rescue Interrupt
        registration.unregister
        puts "no longer registered"
      end
    end
  rescue OverSIP::Error => e
    abort "not registered: #{e.message}"
  end
end
