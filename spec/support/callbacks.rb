# frozen_string_literal: true

# What the examples about callbacks share. For examples tagged `:native`.
module CallbackHelpers
  # The seven events of a Client, by the name that follows `on_`.
  EVENTS = %i[provisional_response success_response failure_response canceled invite_timeout error target].freeze

  # Notes every event of a Client as [event, *arguments], a response as its status and a target as its text.
  def record(client, into:, only: EVENTS)
    only.each do |event|
      client.public_send(:"on_#{event}") { |*arguments| into << [event, *arguments.map { |argument| noted(argument) }] }
    end
    client
  end

  # Lets a caller's request run into one event; the block sets the Proxy up before it routes. Comes back when everything
  # that belongs to the event has happened.
  #
  # @return [SipText] the final response that the caller got
  def provoke(event, &setup)
    callee = udp_peer
    caller = udp_peer
    method = %i[target success_response error].include?(event) ? :MESSAGE : :INVITE
    transport = event == :error ? :tls : nil
    port = start_oversip(proxies: { default_proxy: { timer_C: 8 } }) do |request|
      next if request.sip_method == :ACK

      proxy = OverSIP::SIP::Proxy.new
      setup.call(proxy)
      proxy.route(request, "127.0.0.1", callee.port, transport)
    end
    sent = caller.send_text(caller.build(method, "sip:bob@b.example"), port)
    lead_to(event, callee, caller, sent)
    caller.receive_final.tap { |final| acknowledge(caller, sent, final) }
  end

  # Answers the INVITE's failure, so that nothing is left to be repeated.
  def acknowledge(caller, sent, final)
    return unless final.method_name == "INVITE" && final.status >= 300

    caller.send_text(caller.companion(sent, :ACK), oversip_port)
  end

  private

  def noted(argument)
    case argument
    when OverSIP::SIP::Response then argument.status_code
    when OverSIP::SIP::RFC3263::Target then argument.to_s
    else argument
    end
  end

  def lead_to(event, callee, caller, sent)
    return if event == :error

    request = callee.receive
    case event
    when :target, :success_response then callee.answer(request, 200)
    when :provisional_response
      callee.answer(request, 180)
      caller.receive_until { |message| message.status == 180 }
      callee.answer(request, 200)
    when :failure_response then callee.answer(request, 486)
    when :canceled then cancel(callee, caller, request, sent)
    when :invite_timeout then outlast_timer_c(callee, caller, request)
    end
  end

  def cancel(callee, caller, request, sent)
    callee.answer(request, 180)
    caller.receive_until { |message| message.status == 180 }
    caller.send_text(caller.companion(sent, :CANCEL), oversip_port)
    caller.receive_until { |message| message.method_name == "CANCEL" }
    callee.answer(callee.receive_until { |message| message.method_name == "CANCEL" }, 200)
    callee.answer(request, 487, "Request Terminated")
  end

  def outlast_timer_c(callee, caller, request)
    OverSIP::Testing.freeze
    callee.answer(request, 180)
    caller.receive_until { |message| message.status == 180 }
    OverSIP::Testing.advance(9)
  end
end

RSpec.configure { |config| config.include CallbackHelpers, :native }
