# frozen_string_literal: true

# Makes a call, keeps it for two seconds and hangs up:
#
#   ruby -Ilib examples/uac/call.rb sip:bob@127.0.0.1:5060
#
# There is no media: the offer in it says so.

require "oversip"

# A call as a caller's script sees it: INVITE, then BYE along the route that the answer gave.
class Call
  OFFER = <<~SDP.gsub("\n", "\r\n").freeze
    v=0
    o=- 1 1 IN IP4 127.0.0.1
    s=-
    c=IN IP4 127.0.0.1
    t=0 0
    m=audio 9 RTP/AVP 8
    a=inactive
  SDP

  # Seconds until the caller gives up, and until the other side has to agree to the end.
  RINGING = 60
  HANGING_UP = 10

  # @yieldparam event [Symbol] :sent, :provisional, :success, :failure or :error
  # @yieldparam text [String]
  def initialize(uri, &observer)
    @uri = OverSIP::SIP::Uri.parse(uri)
    @observer = observer
  end

  # Sends the INVITE and waits for the final answer.
  #
  # @return [Boolean] whether the call stands
  def invite
    # Its Contact, which says where the other side's requests go, is that of the socket that it leaves by.
    data = { sip_method: :INVITE, ruri: @uri, from: "<sip:caller@anonymous.invalid>", to: @uri }
    @invite = OverSIP::SIP::UacRequest.new(data, ["Content-Type: application/sdp"], OFFER)
    @response = call(@invite, RINGING)
    return false unless @response

    # `Uac#call` has acknowledged the 2xx.
    @observer.call(:sent, "ACK #{@response.contact.uri}")
    true
  end

  # @return [Boolean] whether the other side has agreed that the call is over
  def bye
    data = { sip_method: :BYE, ruri: @response.contact.uri, from: @invite.from, from_tag: @invite.from_tag, to: @invite.to,
             to_tag: @response.to_tag, call_id: @invite.call_id, cseq: @invite.cseq + 1 }
    recorded = @response.header_all("Record-Route").flat_map { |value| value.split(/,\s*(?=<)/) }
    !call(OverSIP::SIP::UacRequest.new(data, recorded.reverse.map { |route| "Route: #{route}" }), HANGING_UP).nil?
  end

  private

  # @return [OverSIP::SIP::Response, nil] the 2xx
  def call(request, seconds)
    method = request.sip_method
    uac = OverSIP::SIP::Uac.new
    uac.on_provisional_response { |response| report(:provisional, response, method) }
    @observer.call(:sent, "#{method} #{request.ruri}")
    # Route headers of a UacRequest do not choose its way: the first hop of the call is named for each request.
    response = uac.call(request, @uri.host, @uri.port || 5060, :udp, timeout: seconds)
    success = response.status_code < 300
    report(success ? :success : :failure, response, method)
    response if success
  rescue OverSIP::SIP::ClientError => e
    @observer.call(:error, "#{e.message} to #{method}")
    nil
  end

  def report(event, response, method)
    @observer.call(event, "#{response.status_code} #{response.reason_phrase} to #{method}")
  end
end

if $PROGRAM_NAME == __FILE__
  OverSIP.start(configuration: { sip: { listen_port: 0 } }) do
    call = Call.new(ARGV.fetch(0, "sip:bob@127.0.0.1:5060")) { |event, text| puts "#{event.to_s.rjust(11)}  #{text}" }
    if call.invite
      sleep 2
      call.bye
    end
  end
end
