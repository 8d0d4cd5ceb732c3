# frozen_string_literal: true

require "oversip/testing/message_text"

module OverSIP
  module Testing
    # A dialog as one of its parties knows it (RFC 3261 12).
    class Dialog
      # @return [String]
      attr_reader :call_id
      # @return [String] this side: the value of From in its requests
      attr_reader :local
      # @return [String] the other side: the value of To in requests to it
      attr_reader :remote
      # @return [String] the other side's Contact URI
      attr_accessor :remote_target
      # @return [Array<String>] the route set, in the order of the Route headers of requests
      attr_reader :routes
      # @return [Integer] the number of the last request of this side
      attr_accessor :cseq
      # @return [Integer] the CSeq number of the INVITE, which its ACK has too
      attr_reader :invite_cseq

      class << self
        # The dialog that a response makes at who sent the request (RFC 3261 12.1.2).
        #
        # @param request [CallRecord::Message]
        # @param response [CallRecord::Message]
        # @return [Dialog]
        def of_response(request, response)
          new(call_id: response.call_id, local: response.header("from"), remote: response.header("to"),
              remote_target: MessageText.uri(response.header("contact")) || request.ruri,
              routes: routes_of(response), cseq: response.cseq)
        end

        # The dialog that a request makes at who answers it (RFC 3261 12.1.1).
        #
        # @param request [CallRecord::Message]
        # @param tag [String] of the one who answers
        # @return [Dialog]
        def of_request(request, tag)
          to = request.header("to").to_s
          new(call_id: request.call_id, local: MessageText.tag(to) ? to : "#{to};tag=#{tag}", remote: request.header("from"),
              remote_target: MessageText.uri(request.header("contact")),
              routes: MessageText.entries(request.headers("record-route")), cseq: 0)
        end

        # @param response [CallRecord::Message]
        # @return [Array<String>] the route set at who gets it
        # @api private
        def routes_of(response)
          MessageText.entries(response.headers("record-route")).reverse
        end
      end

      def initialize(call_id:, local:, remote:, remote_target:, routes:, cseq:)
        @call_id = call_id
        @local = local
        @remote = remote
        @remote_target = remote_target
        @routes = routes
        @cseq = @invite_cseq = cseq
      end

      # @return [String, nil]
      def local_tag
        MessageText.tag(local)
      end

      # @return [String, nil]
      def remote_tag
        MessageText.tag(remote)
      end

      # The 2xx computes the route set and the remote target anew; all else stays (RFC 3261 13.2.2.4).
      #
      # @param response [CallRecord::Message]
      # @api private
      def confirm(response)
        @routes = Dialog.routes_of(response)
        @remote_target = MessageText.uri(response.header("contact")) || remote_target
      end

      # @return [Integer] the number of the next request of this side
      def next_cseq
        @cseq += 1
      end

      # The Request-URI and the Route headers of a request: a first route without `lr` stands in the Request-URI itself
      # (RFC 3261 12.2.1.1).
      #
      # @return [Array(String, Array<String>)]
      def way
        first = MessageText.uri(routes.first)
        return [remote_target, routes] if routes.empty? || first.match?(/;lr\b/i)

        [first, [*routes.drop(1), "<#{remote_target}>"]]
      end

      # @return [String] the URI whose host gets requests of this side
      def next_hop
        routes.empty? ? remote_target : MessageText.uri(routes.first)
      end
    end
  end
end
