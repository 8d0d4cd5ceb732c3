# frozen_string_literal: true

module OverSIP
  module Testing
    # The transactions of personas (RFC 3261 17), as far as peers need them: what is sent again, and when that ends.
    #
    # @api private
    module Transactions
      # Seconds: RFC 3261 17.1.1.2.
      T1 = 0.5
      T2 = 4.0
      # What Timers B, F and H are.
      LIMIT = 64 * T1

      # Sends a message again and again, at growing intervals.
      class Repetition
        # @param network [World::Network]
        # @param longest [Float, nil] seconds between two at most
        # @yield sends once
        def initialize(network, longest: nil, &send)
          @network = network
          @longest = longest
          @send = send
          @ends_at = network.now + LIMIT
        end

        # @return [self]
        def start(interval = T1)
          # A little early rather than at the last moment: at its end nothing is sent any more.
          return self if @network.now + interval >= @ends_at

          @timer = @network.after(interval) do
            @send.call
            start(@longest ? [interval * 2, @longest].min : interval * 2)
          end
          self
        end

        # Nothing is sent any more.
        def stop
          @network.cancel(@timer)
        end
      end

      # A request of a persona and its responses.
      class Client
        # @return [Boolean] whether no final response came in time
        attr_reader :timed_out
        alias timed_out? timed_out

        # @param reliable [Boolean] whether the transport loses nothing
        # @param acknowledge [Proc, nil] for an INVITE: makes the ACK of a response from 300 to 699
        # @yieldparam response [CallRecord::Message]
        def initialize(network, sip_method, reliable:, send:, acknowledge: nil, &on_response)
          @network = network
          @invite = sip_method == :INVITE
          # It has no transaction, for nobody answers it (RFC 3261 17).
          @once = sip_method == :ACK
          @reliable = reliable
          @send = send
          @acknowledge = acknowledge
          @on_response = on_response
          @timed_out = @final = false
        end

        # Sends the request.
        def start
          @send.call
          return if @once

          @repetition = Repetition.new(@network, longest: (T2 unless @invite)) { @send.call }.start unless @reliable
          @limit = @network.after(LIMIT) { expire } unless @final
        end

        # @param response [CallRecord::Message]
        def receive(response)
          status = response.status_code
          return proceed(response) if status < 200

          stop
          @acknowledge&.call(response) if status >= 300
          # A 2xx may come again, and from several; other final responses are known already (RFC 3261 17.1.1.2).
          return if @final && (status >= 300 || !@invite)

          @final = true
          @on_response.call(response)
        end

        private

        def proceed(response)
          return if @final

          stop if @invite
          @on_response.call(response)
        end

        def stop
          @repetition&.stop
          @network.cancel(@limit)
        end

        def expire
          @repetition&.stop
          @timed_out = true
        end
      end

      # A request that a persona has received, and what it answers.
      class Server
        # @return [CallRecord::Message]
        attr_reader :request
        # @return [Integer, nil] the status sent last
        attr_reader :status
        # @return [Boolean] whether the ACK of a final response to an INVITE has come
        attr_reader :acknowledged
        alias acknowledged? acknowledged

        # @param reliable [Boolean] whether the transport loses nothing
        # @param send [Proc] sends bytes to the sender of the request
        def initialize(network, request, reliable:, send:)
          @network = network
          @request = request
          @reliable = reliable
          @send = send
          @acknowledged = false
        end

        # @return [Boolean] whether a final response has been sent
        def final?
          !status.nil? && status >= 200
        end

        # @return [Boolean]
        def invite?
          request.sip_method == :INVITE
        end

        # Sends a response. Those to an INVITE are sent again until their ACK comes; a 2xx whatever the transport
        # (RFC 3261 13.3.1.4).
        #
        # @param bytes [String]
        def respond(status, bytes)
          @status = status
          @bytes = bytes
          @send.call(bytes)
          return unless invite? && final?

          @repetition&.stop
          @repetition = Repetition.new(@network, longest: T2) { @send.call(bytes) }.start if status < 300 || !@reliable
        end

        # The request has come again.
        def repeat
          @send.call(@bytes) if @bytes && !@acknowledged && !(invite? && final? && status < 300)
        end

        # @return [Boolean] whether it is the first one
        def acknowledge
          first = !@acknowledged
          @acknowledged = true
          @repetition&.stop
          first
        end
      end
    end
  end
end
