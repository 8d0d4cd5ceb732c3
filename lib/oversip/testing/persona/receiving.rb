# frozen_string_literal: true

module OverSIP
  module Testing
    class Persona
      # What a persona does with what comes.
      #
      # @api private
      module Receiving
        # What is answered by who was told nothing.
        WITHOUT_A_WORD = Answers.new([200], {}, nil, nil)

        # Bytes have come.
        def receive(bytes, transport, remote, local)
          message = CallRecord::Message.new(at: network.now, sender: network.name_of("#{transport}:#{remote}") || remote,
                                            receiver: name, transport: transport, from: remote, to: local, bytes: bytes)
          return if message.keep_alive?

          if message.response?
            take_response(message)
          elsif message.request?
            take_request(message, ->(answer) { network.send_bytes(self, answer, transport, remote) })
          end
        end

        private

        def take_response(response)
          @responses << response
          @client_transactions[[response.branch, response.sip_method]]&.receive(response)
        end

        def take_request(request, send)
          return take_ack(request) if request.sip_method == :ACK

          key = [request.branch, request.header("via").to_s[/\s([^;\s]+)/, 1], request.sip_method]
          known = @server_transactions[key]
          return known.repeat if known

          received << request
          reliable = reliable?(request.transport)
          transaction = Transactions::Server.new(network, request, reliable: reliable, send: send)
          @server_transactions[key] = transaction
          request.sip_method == :CANCEL ? take_cancel(transaction) : carry_out(transaction)
        end

        # An ACK goes to nobody: it is not answered.
        def take_ack(ack)
          invite = @server_transactions.each_value.find do |known|
            known.invite? && known.final? && known.request.call_id == ack.call_id && known.request.cseq == ack.cseq
          end
          received << ack if invite.nil? || invite.acknowledge
        end

        # RFC 3261 9.2.
        def take_cancel(cancel)
          invite = @server_transactions.each_value.find do |known|
            known.invite? && known.request.branch == cancel.request.branch
          end
          return respond(cancel, 481, {}, nil) unless invite

          respond(cancel, 200, {}, nil)
          @calls.find { |call| call.invite.equal?(invite.request) }&.cancel_received
          respond(invite, 487, {}, nil) unless invite.final?
        end

        def carry_out(transaction)
          request = transaction.request
          in_dialog = !MessageText.tag(request.header("to")).nil?
          in_dialog ? note_in_dialog(request) : note_call(transaction)
          plan = (in_dialog ? @dialog_plans : @plans).reverse_each.find(&:any?) || WITHOUT_A_WORD
          answer(transaction, plan.for(request) { |&block| network.guard(&block) })
        end

        # The other side may end the call, and its Contact may have moved (RFC 3261 12.2.2).
        def note_in_dialog(request)
          contact = MessageText.uri(request.header("contact"))
          side = side_of(request)
          side.bye_received if side && request.sip_method == :BYE
          side.dialog.remote_target = contact if contact && side && %i[INVITE UPDATE].include?(request.sip_method)
        end

        def side_of(request)
          network.sides_of(self).find { |side| side.call_id == request.call_id && side.dialog }
        end

        def note_call(transaction)
          return unless transaction.invite?

          calls << ReceivedCall.new(self, transaction, tag_for(transaction))
        end

        def answer(transaction, steps)
          step, *rest = steps
          return if step.nil? || transaction.final?

          if step.delay.positive?
            return network.after(step.delay) do
                     answer(transaction, [step.dup.tap do |now|
                                            now.delay = 0
                                          end, *rest])
                   end
          end

          if step.bytes
            transaction.respond(step.bytes[%r{\ASIP/2.0 (\d+)}, 1].to_i,
                                step.bytes.b)
          else
            respond(transaction, step.status, step.headers, step.body)
          end
          answer(transaction, rest)
        end

        def tag_for(transaction)
          (@tags ||= {}.compare_by_identity)[transaction] ||= draw_tag
        end
      end
    end
  end
end
