# frozen_string_literal: true

module OverSIP
  module SIP
    # Ends a line.
    CRLF = "\r\n"
    # Ends a head; alone it is a keep-alive (RFC 5626 3.5.1).
    DOUBLE_CRLF = "\r\n\r\n"

    # The header of our replies, unless `core: product` says otherwise.
    HDR_SERVER = "Server: #{PROGRAM_NAME}/#{VERSION}".freeze
    # The header of our requests, unless `core: product` says otherwise.
    HDR_USER_AGENT = "User-Agent: #{PROGRAM_NAME}/#{VERSION}".freeze
    # The values of a Content-Length header without body.
    HDR_ARRAY_CONTENT_LENGTH_0 = ["0"].freeze

    # Timers of transactions in seconds (RFC 3261 17, RFC 6026). The names with UDP and TCP differ where a transport that
    # repeats by itself needs no wait.

    # Estimate of the round-trip time.
    T1 = 0.5
    # Longest wait before a request other than INVITE, or a response to INVITE, is sent again.
    T2 = 4
    # Longest life of a message in the network.
    T4 = 5

    # First repetition of an INVITE over UDP.
    TIMER_A = T1
    # Time-out of an INVITE.
    TIMER_B = 32
    # Time-out of an INVITE that was answered provisionally; the profile's `timer_C` is what counts.
    TIMER_C = 180
    # Limit of an INVITE server transaction without a final response.
    TIMER_C2 = TIMER_C + 2
    # Wait for repeated failures of an INVITE.
    TIMER_D_UDP = 32
    # No wait: TCP repeats by itself.
    TIMER_D_TCP = 0
    # First repetition of another request over UDP.
    TIMER_E = T1
    # Time-out of another request.
    TIMER_F = 32
    # First repetition of a failure of an INVITE.
    TIMER_G = T1
    # Wait for the ACK of a failure.
    TIMER_H = 32
    # Wait for repeated ACKs.
    TIMER_I_UDP = T4
    # No wait, likewise.
    TIMER_I_TCP = 0
    # Wait for repetitions of another request.
    TIMER_J_UDP = 32
    # No wait, likewise.
    TIMER_J_TCP = 0
    # Wait for repeated responses to another request.
    TIMER_K_UDP = T4
    # No wait, likewise.
    TIMER_K_TCP = 0
    # Wait for repetitions of an accepted INVITE (RFC 6026).
    TIMER_L = 32
    # Wait for repeated 2xx of an INVITE (RFC 6026).
    TIMER_M = 32
    # When a request other than INVITE that waits for its answer gets a 100: when timer E of its client is set to T2
    # (RFC 4320 4.1).
    INT1 = 7 * T1
    # From then on, when its transaction ends without an answer (RFC 4320 4.2).
    INT2 = TIMER_F - INT1
  end
end
