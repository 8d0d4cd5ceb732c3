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

          known = server_transaction(request, request.sip_method)
          return known.repeat if known

          received << request
          transaction = Transactions::Server.new(network, request, reliable: reliable?(request.transport), send: send)
          note(transaction)
          request.sip_method == :CANCEL ? take_cancel(transaction) : carry_out(transaction)
        end

        def note(transaction)
          request = transaction.request
          @server_transactions[transaction_key(request, request.sip_method)] = transaction
          (@invitations[request.call_id] ||= []) << transaction if transaction.invite?
        end

        # RFC 3261 17.2.3.
        def transaction_key(request, sip_method)
          [request.branch, request.header("via").to_s[/\s([^;\s]+)/, 1], sip_method]
        end

        def server_transaction(request, sip_method)
          @server_transactions[transaction_key(request, sip_method)]
        end

        # An ACK goes to nobody: it is not answered.
        def take_ack(ack)
          invite = server_transaction(ack, :INVITE) || accepted(ack)
          received << ack if invite.nil? || invite.acknowledge
        end

        # The ACK of a 2xx has a branch of its own, and the tag of the response (RFC 3261 13.2.2.4). A response of a spec may
        # have had another tag.
        def accepted(ack)
          finals = @invitations.fetch(ack.call_id, []).select { |known| known.final? && known.request.cseq == ack.cseq }
          tag = MessageText.tag(ack.header("to"))
          finals.find { |known| tag_of(known) == tag } || finals.first
        end

        # The responses to the CANCEL have the To tag of those to its INVITE (RFC 3261 9.2).
        def take_cancel(cancel)
          invite = server_transaction(cancel.request, :INVITE)
          return respond(cancel, 481, {}, nil) unless invite

          @tags[cancel] = tag_for(invite)
          respond(cancel, 200, {}, nil)
          network.sides(invite.request.call_id).find { |side| side.request.equal?(invite.request) }&.cancel_received
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
          sides = network.sides(request.call_id).select { |side| side.party.equal?(self) && side.dialog }
          tag = MessageText.tag(request.header("to"))
          # A persona may call itself.
          sides.find { |side| side.dialog.local_tag == tag } || sides.first
        end

        def note_call(transaction)
          return unless transaction.invite?

          calls << ReceivedCall.new(self, transaction, tag_for(transaction))
          network.note_side(calls.last)
        end

        def answer(transaction, steps)
          step, *rest = steps
          return if step.nil? || transaction.final?
          return network.after(step.delay) { answer(transaction, [at_once(step), *rest]) } if step.delay.positive?

          take_step(transaction, step)
          answer(transaction, rest)
        end

        def at_once(step)
          step.dup.tap { |copy| copy.delay = 0 }
        end

        def take_step(transaction, step)
          return respond(transaction, step.status, step.headers, step.body) unless step.bytes

          transaction.respond(step.bytes[%r{\ASIP/2.0 (\d+)}, 1].to_i, step.bytes.b)
        end

        # @return [String] the tag of To in what it answers
        def tag_of(transaction)
          MessageText.tag(transaction.request.header("to")) || tag_for(transaction)
        end

        def tag_for(transaction)
          @tags[transaction] ||= draw_tag
        end
      end
    end
  end
end
