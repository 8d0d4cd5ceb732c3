# frozen_string_literal: true

require "zlib"
require_relative "sip_peer"

# A UDP peer behind a link that loses datagrams in both directions. Which ones depends on the seed alone: the n-th copy of
# a message is lost in every run or in none.
class LossyPeer < UdpPeer
  attr_reader :lost, :passed

  # @param rate [Float] how much of the traffic is lost
  def initialize(rate, seed)
    super()
    @rate = rate
    @seed = seed
    @copies = Hash.new(0)
    @lost = @passed = 0
  end

  def send_text(text, *)
    super unless lose?(:out, SipText.new(text))
    text
  end

  # The messages received so far, without the lost ones.
  def arrivals
    drain(quiet: 0).reject { |message| lose?(:in, message) }
  end

  private

  def lose?(direction, message)
    key = [direction, message.status, message.method_name, message.header("Call-ID")].join("/")
    copy = (@copies[key] += 1)
    lost = Random.new(Zlib.crc32("#{@seed}/#{key}/#{copy}")).rand < @rate
    lost ? @lost += 1 : @passed += 1
    lost
  end
end

# A message that is sent again at T1, 2 T1, ... (RFC 3261 17), until it is answered or 64 T1 are over.
class Repetition
  T1 = 0.5
  T2 = 4
  LIMIT = 64 * T1

  # @param cap [Numeric] the longest interval
  def initialize(text, now, cap: T2)
    @text = text
    @cap = cap
    @due = now
    @interval = T1
    @end = now + LIMIT
  end

  # Yields the text if it is to be sent.
  def tick(now)
    return unless now >= @due && now < @end

    yield @text
    @due = now + @interval
    @interval = [@interval * 2, @cap].min
  end

  def over?(now)
    now >= @end
  end
end

# The caller's side of one call: INVITE, ACK, BYE. `log` holds the final responses it saw.
class LossyCaller
  attr_reader :log, :call_id

  def initialize(peer, port, number)
    @peer = peer
    @port = port
    @call_id = "call-#{number}"
    @log = []
  end

  def start(now)
    @invite = @peer.build(:INVITE, "sip:bob@b.example", call_id: call_id, branch: "z9hG4bKinvite#{call_id}")
    @sending = Repetition.new(@invite, now, cap: Repetition::LIMIT)
  end

  def tick(now)
    @sending&.tick(now) { |text| @peer.send_text(text, @port) }
    @log << :timeout and @sending = nil if @sending&.over?(now)
  end

  def take(message, now)
    return @sending = nil if message.status < 200 && message.method_name == "INVITE"
    return if message.status < 200

    @log << message.status unless @log.size > (message.method_name == "BYE" ? 1 : 0)
    message.method_name == "BYE" ? @sending = nil : answered(message, now)
  end

  private

  def answered(message, now)
    return @peer.send_text(@peer.companion(@invite, :ACK), @port).then { @sending = nil } if message.status >= 300

    @peer.send_text(@ack ||= @peer.in_dialog(:ACK, message, cseq: 1), @port)
    return if @bye

    @bye = @peer.in_dialog(:BYE, message, cseq: 2)
    @sending = Repetition.new(@bye, now)
  end
end

# The callee's side of one call. `requests` holds the methods of the requests it has seen, repetitions counted once.
class LossyCallee
  attr_reader :requests

  # @param status [Integer] what it answers to INVITE
  def initialize(peer, status)
    @peer = peer
    @status = status
    @requests = []
  end

  def take(request, now)
    first = !@requests.include?(request.method_name)
    @requests << request.method_name if first
    case request.method_name
    when "INVITE" then first ? answer(request, now) : @peer.answer(request, 180)
    when "ACK" then @sending = nil
    when "BYE" then @peer.answer(request, 200)
    end
  end

  def tick(now)
    @sending&.tick(now) { |request| @peer.answer(request, @status) }
  end

  private

  def answer(request, now)
    @peer.answer(request, 180)
    @sending = Repetition.new(request, now + 1)
  end
end
