# frozen_string_literal: true

module OverSIP
  module Testing
    class Persona
      # How the messages of a persona are made and leave. For calls and exchanges, not for specs.
      #
      # @api private
      module Sending
        # Methods whose requests and 2xx have a Contact: they make a dialog or refresh it, or ask and register where somebody
        # is. RFC 3261 20 has no Contact in BYE and CANCEL, RFC 3428 forbids it in MESSAGE.
        WITH_CONTACT = %i[INVITE UPDATE SUBSCRIBE NOTIFY REFER REGISTER OPTIONS].freeze

        # Sends a request in a dialog.
        #
        # @return [Exchange]
        def request_in_dialog(dialog, sip_method, headers, body)
          ruri, routes = dialog.way
          cseq = sip_method == :ACK ? dialog.invite_cseq : dialog.next_cseq
          usual = {
            "Route" => routes, "Max-Forwards" => "70", "From" => dialog.local, "To" => dialog.remote,
            "Call-ID" => dialog.call_id, "CSeq" => "#{cseq} #{sip_method}", **contact_headers(sip_method)
          }
          exchange = transact(sip_method, ruri, MessageText.merge(usual, headers), body, next_hop(dialog)) do |request|
            sip_method == :INVITE ? Reinvitation.new(self, request, dialog) : Exchange.new(self, request)
          end
          network.settle
          exchange
        end

        # Sends the ACK of a 2xx, which is a request of its own (RFC 3261 13.2.2.4).
        #
        # @return [Proc] sends the same ACK again
        def acknowledge_success(dialog, headers, body, cseq: dialog.invite_cseq)
          ruri, routes = dialog.way
          usual = {
            "Via" => via(next_hop(dialog).first, branch), "Route" => routes, "Max-Forwards" => "70", "From" => dialog.local,
            "To" => dialog.remote, "Call-ID" => dialog.call_id, "CSeq" => "#{cseq} ACK",
            **MessageText.body_headers(body)
          }
          text = MessageText.compose("ACK #{ruri} SIP/2.0", MessageText.merge(usual, headers), body)
          way = next_hop(dialog)
          -> { transmit(text, *way) }.tap(&:call)
        end

        # Sends the CANCEL of a call (RFC 3261 9.1).
        #
        # @return [Exchange]
        def cancel_request(call, headers)
          exchange = transact_again(call.request, :CANCEL, headers)
          network.settle
          exchange
        end

        # Sends a response to a request that has come.
        #
        # @param transaction [Transactions::Server]
        def respond(transaction, status, headers, body)
          usual = response_headers(transaction, status).merge(MessageText.body_headers(body))
          first_line = "SIP/2.0 #{status} #{MessageText.reason(status)}"
          transaction.respond(status, MessageText.compose(first_line, MessageText.merge(usual, headers), body))
        end

        # @return [String] what a Contact of this persona says
        def contact
          parameter = ";transport=#{transport}" unless transport == :udp
          user = uri[/\Asips?:([^@;]+)@/, 1]
          "<sip:#{"#{user}@" if user}#{@stated}#{parameter}>"
        end

        private

        # @return [Hash{String => String}]
        def contact_headers(sip_method)
          WITH_CONTACT.include?(sip_method) ? { "Contact" => contact } : {}
        end

        # Makes a request, and the transaction that sends it.
        #
        # @yieldparam request [CallRecord::Message]
        # @yieldreturn [Exchange]
        def transact(sip_method, ruri, headers, body, way, &)
          headers = MessageText.merge({ "Via" => via(way.first, branch) }, headers)
          headers = { **headers, **MessageText.body_headers(body) }.merge(headers)
          start(sip_method, MessageText.compose("#{sip_method} #{ruri} SIP/2.0", headers, body), way, &)
        end

        # A request that goes the way of another one, such as its CANCEL.
        def transact_again(request, sip_method, headers)
          text = companion(request, sip_method, request.header("to"), headers)
          start(sip_method, text, @ways.fetch(request)) { |companion| Exchange.new(self, companion) }
        end

        def start(sip_method, text, way, &)
          request = sent(text, way)
          (@ways ||= {}.compare_by_identity)[request] = way
          exchange = yield request
          acknowledge = ->(response) { acknowledge_failure(request, response, way) } if sip_method == :INVITE
          exchange.transaction = Transactions::Client.new(
            network, sip_method, reliable: reliable?(way.first), send: -> { transmit(text, *way) }, acknowledge: acknowledge
          ) { |response| exchange.take(response) }
          @client_transactions[[request.branch, sip_method]] = exchange.transaction
          network.note_exchange(exchange)
          exchange.transaction.start
          exchange
        end

        # The ACK of a response from 300 to 699 is part of the INVITE's transaction (RFC 3261 17.1.1.3).
        def acknowledge_failure(request, response, way)
          transmit(companion(request, :ACK, response.header("to"), {}), *way)
        end

        # A request that belongs to another one: same Via, Request-URI and CSeq number.
        def companion(request, sip_method, to, headers)
          usual = {
            "Via" => request.header("via"), "Route" => request.headers("route"), "Max-Forwards" => "70",
            "From" => request.header("from"), "To" => to, "Call-ID" => request.call_id,
            "CSeq" => "#{request.cseq} #{sip_method}", "Content-Length" => "0"
          }
          MessageText.compose("#{sip_method} #{request.ruri} SIP/2.0", MessageText.merge(usual, headers))
        end

        def response_headers(transaction, status)
          request = transaction.request
          to = request.header("to")
          to = "#{to};tag=#{tag_for(transaction)}" if status > 100 && to && !MessageText.tag(to)
          headers = {
            "Via" => request.headers("via"), "Record-Route" => request.headers("record-route"),
            "From" => request.header("from"), "To" => to, "Call-ID" => request.call_id, "CSeq" => request.header("cseq")
          }
          # That of a 2xx to REGISTER has what is registered (RFC 3261 10.3).
          return headers if request.sip_method == :REGISTER || status == 100 || status >= 300

          headers.merge(contact_headers(request.sip_method))
        end

        # @return [CallRecord::Message] what a spec sees of a request
        def sent(text, (transport, remote))
          CallRecord::Message.new(at: network.now, sender: name, receiver: nil, transport: transport, from: @stated,
                                  to: remote, bytes: text)
        end

        def via(transport, branch)
          "SIP/2.0/#{transport.upcase} #{@stated};branch=#{branch}#{";rport" if transport == :udp}"
        end

        def branch
          network.draw("z9hG4bK-#{token}")
        end

        def draw_tag
          network.draw_tag(self, token)
        end

        def token
          name.gsub(/[^A-Za-z0-9.-]/, "-")
        end

        def transmit(bytes, transport, remote)
          network.send_bytes(self, bytes, transport, remote)
        end
      end

      # An INVITE in a dialog.
      #
      # @api private
      class Reinvitation < Exchange
        def initialize(party, request, dialog)
          super(party, request)
          @dialog = dialog
        end

        # A 2xx is acknowledged, and may move the other side's Contact (RFC 3261 12.2.1.2).
        def take(response)
          return @ack.call if @ack

          super
          return unless response.status_code.between?(200, 299)

          contact = MessageText.uri(response.header("contact"))
          @dialog.remote_target = contact if contact
          @ack = party.acknowledge_success(@dialog, {}, nil, cseq: request.cseq)
        end
      end
    end
  end
end
