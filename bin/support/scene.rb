# frozen_string_literal: true

require "oversip/call_record"
require_relative "trace"

# One part of the demonstration: the events that have to come, those that came, and how they look.
class Scene
  LIMIT = 15
  WIDTH = 80

  attr_reader :title

  class << self
    # What has to be seen by whom; the events of one party in this order.
    def call(uri)
      relay = [*request("INVITE #{uri}", "INVITE to udp"), *response("180 Ringing to INVITE", "on_provisional_response"),
               *response("200 OK to INVITE"), *request("ACK", "ACK to udp"), *request("BYE", "BYE to udp"),
               *response("200 OK to BYE")]
      { "caller" => [["sent", "INVITE"], ["provisional", "180 Ringing"], ["success", "200 OK to INVITE"], ["sent", "ACK"],
                     ["sent", "BYE"], ["success", "200 OK to BYE"]],
        "relay" => relay,
        "callee" => %w[INVITE ACK BYE].map { |method| ["request", method] } }
    end

    def options
      { "caller" => [["sent", "OPTIONS"], ["success", "200 OK to OPTIONS"]],
        "relay" => [*request("OPTIONS", "OPTIONS to udp"), *response("200 OK to OPTIONS")],
        "callee" => [["request", "OPTIONS"]] }
    end

    def failover
      expected = call("sip:failover@")
      failed = ["on_error", "500 Connection Error (connection_error) to INVITE"]
      first = [["on_target", "INVITE to tcp"], failed, failed]
      expected.merge("relay" => expected["relay"].dup.insert(1, *first))
    end

    private

    def request(received, sent)
      [["on_request", received], ["on_target", sent]]
    end

    def response(text, event = "on_success_response")
      [[event, text]]
    end
  end

  # @param addresses [Hash{String => String}] of the parties
  def initialize(title, expected, addresses, queue)
    @title = title
    @addresses = addresses
    @open = expected.transform_values(&:dup)
    @queue = queue
    @start = Trace.now
    @seen = []
  end

  # Takes events until everything expected has come, or until it is too late.
  def wait
    waker = Thread.new { sleep(LIMIT) && @queue.push(nil) }
    until complete?
      event = @queue.pop or break
      take(event)
    end
  ensure
    waker.kill
  end

  def complete?
    @open.values.all?(&:empty?)
  end

  # @return [String]
  def missing
    @open.reject { |_, events| events.empty? }
         .map { |who, events| "#{who}: #{events.map { |event| event.join(" ") }.join(", ")}" }.join("; ")
  end

  def to_s
    ladder = OverSIP::CallRecord::TextLadder.new(record, width: $stdout, color: :auto, unit: :milliseconds)
    ["== #{title} #{"=" * (WIDTH - 4 - title.size)}", "", ladder].join("\n")
  end

  private

  def take(event)
    @seen << event
    name, text = @open.fetch(event.who, []).first
    @open[event.who].shift if name == event.name && event.text.start_with?(text)
  end

  # A request stands where it was received, a response where the relay got it and sent it on: the caller says what it got
  # after it has sent its ACK.
  def record
    record = OverSIP::CallRecord.new(element: "relay")
    @seen.sort_by(&:time).each do |event|
      case [event.who, event.name]
      in ["relay", "on_request"] then record << request(event, "caller", "relay") << block(event)
      in ["relay", /response\z/]
        record << response(event, "callee", "relay") << block(event) << response(event, "relay", "caller")
      in ["relay", _] then record << block(event)
      in ["callee", _] then record << request(event, "relay", "callee")
      in ["caller", _] then next
      end
    end
    record
  end

  def request(event, sender, receiver)
    message(event, sender, receiver, "#{event.text} SIP/2.0\r\n\r\n")
  end

  def response(event, sender, receiver)
    message(event, sender, receiver, "SIP/2.0 #{short(event)}\r\nCSeq: 1 #{event.text[/\S+\z/]}\r\n\r\n")
  end

  def message(event, sender, receiver, bytes)
    OverSIP::CallRecord::Message.new(at: event.time - @start, sender: sender, receiver: receiver, transport: :udp,
                                     from: @addresses.fetch(sender), to: @addresses.fetch(receiver), bytes: bytes)
  end

  # What a message shows is not said again.
  def block(event)
    file, line = event.place.split(/:(?=\d+\z)/)
    subject = case event.name
              when "on_target" then named(event.text[/\S+\z/])
              when "on_error" then short(event)
              else ""
              end
    OverSIP::CallRecord::Block.new(at: event.time - @start, event: event.name.to_sym, subject: subject, file: file,
                                   line: line)
  end

  # @return [String] the target with the name of the party in place of its address
  def named(target)
    transport, address = target.split(":", 2)
    "#{transport}:#{@addresses.key(address) || address}"
  end

  def short(event)
    event.text.sub(/ to \S+\z/, "")
  end
end
