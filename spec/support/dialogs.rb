# frozen_string_literal: true

# Calls through OverSIP between two peers, and requests inside them from either side. For examples tagged `:native`.
module Dialogs
  # Sets up a call and acknowledges it.
  #
  # @param callee [SipPeer, Proc] a Proc is called for it once the INVITE has been sent
  # @return [Array<SipText>] the INVITE as the callee got it and the 200 as the caller got it
  def call(caller, callee, headers: {}, to: oversip_port)
    caller.send_text(caller.build(:INVITE, "sip:bob@b.example", headers: headers), to)
    callee = callee.call if callee.is_a?(Proc)
    invite = callee.receive_until { |message| message.method_name == "INVITE" && message.request? }
    callee.answer(invite, 200, "OK", headers: { "Contact" => "<sip:bob@#{callee.address};transport=#{callee.protocol.downcase}>" })
    answer = caller.receive_until { |message| message.status == 200 }
    caller.send_text(caller.in_dialog(:ACK, answer, cseq: 1), to)
    expect(callee.receive.method_name).to eq("ACK")
    [invite, answer]
  end

  # The callee's request in the dialog of an INVITE: From and To are exchanged, the route is as the INVITE recorded it.
  def callee_request(callee, method, invite, **headers)
    own = { "Route" => invite.headers("Record-Route"), "From" => "#{invite.header("To")};tag=bob",
            "To" => invite.header("From") }.merge(headers.transform_keys(&:to_s))
    callee.build(method, invite.header("Contact")[/<(.+?)>/, 1], call_id: invite.header("Call-ID"), headers: own)
  end

  # Sends a request, answers it at the other side and waits for the answer.
  #
  # @return [SipText] the request as it arrived
  def exchange(from, to, text, port = oversip_port)
    from.send_text(text, port)
    request = to.receive_until(&:request?)
    to.answer(request, 200, "OK")
    answer = from.receive_final
    expect([answer.status, answer.method_name, answer.headers("Via").size]).to eq([200, request.method_name, 1])
    request
  end
end

RSpec.configure { |config| config.include Dialogs, :native }
