# frozen_string_literal: true

require_relative "ladder"
require_relative "trace"

# One part of the demonstration: the events that have to come, those that came, and how they look.
class Scene
  LIMIT = 15

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
      first = [["on_target", "INVITE to tcp"], ["on_error", "500 Connection Error (connection_error) to INVITE"],
               ["failover", "INVITE"]]
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

  def initialize(title, expected, queue)
    @title = title
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
    [heading, *blocks, "", ladder].join("\n")
  end

  private

  def take(event)
    @seen << event
    name, text = @open.fetch(event.who, []).first
    @open[event.who].shift if name == event.name && event.text.start_with?(text)
  end

  def heading
    "== #{title} #{"=" * (90 - title.size)}\n\nWhat the blocks and the callee saw:"
  end

  def in_order
    @seen.sort_by(&:time)
  end

  def blocks
    in_order.map do |event|
      format("%<time>10.1f  %<who>-8s%<name>-26s%<text>s", time: (event.time - @start) * 1000, who: event.who,
                                                           name: event.name, text: event.text)
    end
  end

  # Each message is drawn when it was received.
  def ladder
    ladder = Ladder.new(@start)
    in_order.each do |event|
      case [event.who, event.name]
      in ["relay", "on_request"] then ladder.message(event.time, "caller", "relay", event.text[/\A\S+/])
      in ["relay", /response\z/] then ladder.message(event.time, "callee", "relay", short(event))
      in ["relay", "on_error" | "failover"] then ladder.remark(event.time, "relay", event.text)
      in ["callee", "request"] then ladder.message(event.time, "relay", "callee", event.text)
      in ["caller", "provisional" | "success" | "failure"] then ladder.message(event.time, "relay", "caller", short(event))
      else next # what a party sent is drawn where it arrives
      end
    end
    ladder.to_s
  end

  def short(event)
    event.text.sub(/ to \S+\z/, "")
  end
end
