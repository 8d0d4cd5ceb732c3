# frozen_string_literal: true

require_relative "call_record/call"
require_relative "call_record/events"
require_relative "call_record/html_ladder"
require_relative "call_record/json"
require_relative "call_record/mermaid_ladder"
require_relative "call_record/message"
require_relative "call_record/redaction"
require_relative "call_record/selection"
require_relative "call_record/svg_ladder"
require_relative "call_record/text_ladder"
require_relative "call_record/trace_reader"

module OverSIP
  # What happened to calls, as data: messages, blocks of the script, timers, targets. It needs no engine.
  #
  # @example
  #   require "oversip/call_record"
  #   record = OverSIP::CallRecord.new
  #   record.add OverSIP::CallRecord::Message.new(at: 0.0, sender: "alice", receiver: "oversip", transport: :udp,
  #                                               from: "192.0.2.1:5060", to: "192.0.2.100:5060", bytes: text)
  #   record.calls.each { |call_id, call| puts "#{call_id}: #{call.messages.map(&:first_line)}" }
  class CallRecord
    # The usual name of the element: the party whose blocks and timers are recorded.
    ELEMENT = "oversip"

    # It needs the extension of this gem, all else is Ruby.
    autoload :Pcapng, File.join(__dir__, "call_record", "pcapng")

    # @return [String] the name of the element among the parties
    attr_reader :element
    # @return [Time, nil] when the clock of the record stood at 0; nil where it is no clock of the world
    attr_reader :began_at
    # @return [Float, nil] what the clock of the record showed when it was read from a running server; nil where nothing
    #   goes on
    attr_reader :now

    # @param element [String]
    # @param began_at [Time, nil]
    # @param now [Float, nil]
    def initialize(element: ELEMENT, began_at: nil, now: nil)
      @element = element
      @began_at = began_at
      @now = now
      @events = []
      @ways = {}
      @in_order = true
    end

    # @param event [Event]
    # @return [Event] the same
    def add(event)
      mark(event) if event.is_a?(Message)
      @in_order &&= @events.empty? || @events.last.at <= event.at
      @events << event
      event
    end

    # Adds and can be chained.
    #
    # @param event [Event]
    # @return [self]
    def <<(event)
      add(event)
      self
    end

    # @return [Array<Event>] by time; those of one time as they were added
    def events
      unless @in_order
        @events = @events.each_with_index.sort_by { |event, index| [event.at, index] }.map(&:first)
        @in_order = true
      end
      @events.dup
    end

    # @return [Array<Message>] the messages among the events
    def messages
      events.grep(Message)
    end

    # @return [Boolean]
    def empty?
      @events.empty?
    end

    # The calls, in the order of {Call#began_at}. The messages on both sides of a proxy have one Call-ID.
    #
    # @return [Hash{String => CallRecord}] by Call-ID
    def calls
      notes, others = events.each_with_index.partition { |event, _| of_no_call?(event) }
      by_call = others.group_by { |event, _| event.call_id }
      by_call.delete(nil)
      by_beginning(by_call).transform_values do |events|
        events = (events + notes).sort_by(&:last) if notes.any?
        events.each_with_object(beginning) { |(event, _), record| record << event }
      end
    end

    # The calls, in the order of their beginning.
    #
    # @return [Array<Call>]
    def summaries
      calls.map { |call_id, record| Call.new(call_id, record) }
    end

    # A part of the record: the calls for which all that is given holds, and the notes that belong to no call.
    #
    # @example The last five calls to Bob that have failed after two seconds or more
    #   record.select(to: "bob", failed: true, slow: 2, last: 5)
    # @param call_id [String, nil]
    # @param failed [Boolean, nil] whether the call has failed, see {Call#failed?}
    # @param to [String, nil] user of To or of a Request-URI, see {Call#to?}
    # @param slow [Numeric, nil] seconds, see {Call#slow?}
    # @param last [Integer, nil] so many calls: those that began last
    # @yieldparam call [Call] whatever else is asked of it
    # @yieldreturn [Boolean]
    # @return [CallRecord]
    # @raise [TypeError] an argument is of another type
    # @raise [ArgumentError] a number is negative
    def select(call_id: nil, failed: nil, to: nil, slow: nil, last: nil, &block)
      selection = Selection.new(call_id: call_id, failed: failed, to: to, slow: slow, last: last)
      only(selection.of(summaries, &block).to_h { |call| [call.call_id, true] })
    end

    # @param call_id [String]
    # @return [CallRecord] the events of this call, and the notes that belong to no call
    def for(call_id)
      call_id = Message.text(call_id)
      events.each_with_object(beginning) do |event, record|
        record << event if event.call_id == call_id || of_no_call?(event)
      end
    end

    # @param at [Float] seconds on the clock of this record
    # @return [CallRecord] the same events by a clock that stood at 0 then
    def with_zero_at(at)
      copy = CallRecord.new(element: element, began_at: began_at && (began_at + at), now: now && (now - at))
      map_events(copy) { |event| event.later(-at) }
    end

    # @param record [CallRecord] takes the events
    # @yieldparam event [Event]
    # @yieldreturn [Event] what takes its place; of a message another object, with the same way
    # @return [CallRecord] retransmissions are those of this record, whatever becomes of their bytes
    # @api private
    def map_events(record = beginning)
      copies = {}.compare_by_identity
      events.each do |event|
        copies[event] = copy = yield(event)
        record.take(copy, event.is_a?(Message) ? copies[event.original] : nil)
      end
      record
    end

    # @return [CallRecord] with the same parties and the same clock, and without events
    # @api private
    def beginning
      CallRecord.new(element: element, began_at: began_at, now: now)
    end

    protected

    # @param original [Message, nil]
    def take(event, original)
      @ways[event.way] ||= event if event.is_a?(Message)
      event.repeat(original) if original
      @events << event
    end

    private

    def of_no_call?(event)
      event.is_a?(Note) && event.call_id.nil?
    end

    # Notes do not count, as for {Call#began_at}.
    def by_beginning(by_call)
      by_call.sort_by { |_, events| (events.find { |event, _| !event.is_a?(Note) } || events.first).last }.to_h
    end

    def only(call_ids)
      events.each_with_object(beginning) do |event, record|
        record << event if call_ids[event.call_id] || of_no_call?(event)
      end
    end

    def mark(message)
      first = @ways[message.way] ||= message
      message.repeat(first) unless first.equal?(message)
    end
  end
end
