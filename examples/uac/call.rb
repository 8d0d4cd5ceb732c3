# frozen_string_literal: true

# Makes a call, keeps it for two seconds and hangs up:
#
#   ruby -Ilib examples/uac/call.rb sip:bob@127.0.0.1:5060
#
# There is no media: the offer in it says so.

require "oversip"

# A call as a caller's script sees it: INVITE, then ACK and BYE along the route that the answer gave.
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

  # @yieldparam event [Symbol] :sent, :provisional, :success, :failure or :error
  # @yieldparam text [String]
  def initialize(uri, &observer)
    @uri = OverSIP::SIP::Uri.parse(uri)
    @observer = observer
    @answer = Thread::Queue.new
    @from_tag = rand(2**32).to_s(16)
    @call_id = "#{rand(2**64).to_s(16)}@127.0.0.1"
    @cseq = 0
  end

  # Sends the INVITE and waits for the final answer; a 2xx is acknowledged.
  #
  # @return [Boolean] whether the call stands
  def invite
    own = "<sip:caller@127.0.0.1:#{OverSIP.configuration[:sip][:listen_port]}>"
    send_request(:INVITE, @uri, ["Contact: #{own}", "Content-Type: application/sdp"], OFFER)
    @response = @answer.pop
    return false unless @response

    send_in_dialog(:ACK, @cseq)
    true
  end

  # @return [Boolean] whether the other side has agreed that the call is over
  def bye
    send_in_dialog(:BYE)
    !@answer.pop.nil?
  end

  private

  def send_request(method, ruri, headers, body = nil, cseq: @cseq += 1, to_tag: nil)
    data = { sip_method: method, ruri: ruri, from: "<sip:caller@127.0.0.1>", from_tag: @from_tag,
             to: "<#{@uri}>", to_tag: to_tag, call_id: @call_id, cseq: cseq }.compact
    @observer.call(:sent, "#{method} #{ruri}")
    # Route headers of a UacRequest do not choose its way: the first hop of the call is named for each request.
    uac_for(method).route(OverSIP::SIP::UacRequest.new(data, headers, body), @uri.host, @uri.port || 5060, :udp)
  end

  def send_in_dialog(method, cseq = @cseq += 1)
    recorded = @response.header_all("Record-Route").flat_map { |value| value.split(/,\s*(?=<)/) }
    send_request(method, @response.contact.uri, recorded.reverse.map { |route| "Route: #{route}" },
                 cseq: cseq, to_tag: @response.to_tag)
  end

  def uac_for(method)
    uac = OverSIP::SIP::Uac.new
    uac.on_provisional_response { |response| report(:provisional, response, method) }
    uac.on_success_response do |response|
      report(:success, response, method)
      @answer << response
    end
    uac.on_failure_response do |response|
      report(:failure, response, method)
      @answer << nil
    end
    uac.on_error do |status, reason, code|
      @observer.call(:error, "#{status} #{reason} (#{code}) to #{method}")
      @answer << nil
    end
    uac
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
