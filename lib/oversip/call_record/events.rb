# frozen_string_literal: true

require_relative "visible"

module OverSIP
  class CallRecord
    # Something that happened at one time.
    class Event
      # @return [Float] seconds on the clock of the record
      attr_reader :at
      # @return [String, nil] the Call-ID of the call that it belongs to; nil when it belongs to none
      attr_reader :call_id

      # @param at [Float]
      # @param call_id [String, nil]
      def initialize(at:, call_id: nil)
        @at = at
        @call_id = call_id
      end

      # @param seconds [Float]
      # @return [Event] the same by a clock that shows so much more
      # @api private
      def later(seconds)
        copy = dup
        copy.instance_variable_set(:@at, at + seconds)
        copy
      end
    end

    # What a block has raised in another process.
    #
    # @!attribute class_name
    #   @return [String]
    # @!attribute message
    #   @return [String]
    Raised = Struct.new(:class_name, :message)

    # A block of the script that ran: an event method or the block of a Client.
    class Block < Event
      # @return [Symbol] :on_request, :on_error, …
      attr_reader :event
      # @return [String] what it was about, for a reader: "INVITE", "408 Request Timeout (client_timeout)"
      attr_reader :subject
      # @return [Array] the arguments of the block
      attr_reader :args
      # @return [String, nil] path of the script; nil for a block that was not written in Ruby
      attr_reader :file
      # @return [Integer, nil]
      attr_reader :line
      # @return [Float, nil] seconds of the system's clock that it took
      attr_reader :duration
      # @return [Exception, Raised, nil] what it raised
      attr_reader :exception

      def initialize(at:, event:, subject: "", args: [], file: nil, line: nil, duration: nil, exception: nil, call_id: nil)
        super(at: at, call_id: call_id)
        @event = event
        @subject = subject
        @args = args
        @file = file
        @line = line
        @duration = duration
        @exception = exception
      end

      # @return [String, nil] name of the file and line: "server.rb:12"
      def place
        return unless file

        [File.basename(file), line].compact.join(":")
      end

      # @return [String, nil] the name of the exception's class
      def exception_class
        exception.is_a?(Raised) ? exception.class_name : exception&.class&.to_s
      end

      # @return [String, nil] the message of the exception, UTF-8; empty when the script gave it a `message` that raises
      def exception_message
        exception && Visible.utf8(exception.message.to_s)
      rescue StandardError
        ""
      end
    end

    # A timer of a transaction that fired (RFC 3261 A, Table 4).
    class Timer < Event
      # @return [String] "A" to "M"
      attr_reader :name
      # @return [Symbol, String, nil] the method of the transaction
      attr_reader :sip_method
      # @return [String, nil] the branch of the transaction
      attr_reader :branch

      def initialize(at:, name:, sip_method: nil, branch: nil, call_id: nil)
        super(at: at, call_id: call_id)
        @name = name
        @sip_method = sip_method
        @branch = branch
      end
    end

    # A target that a Client tried.
    class Attempt < Event
      # @return [String] "udp:192.0.2.1:5060"
      attr_reader :target
      # @return [Symbol, nil] the method of the request
      attr_reader :sip_method
      # @return [String, nil] the branch of the request
      attr_reader :branch
      # @return [Symbol, Integer, nil] the status of the final response, or a code as `on_error` gets it; nil while
      #   there is none
      # @!attribute [r] outcome
      attr_accessor :outcome

      def initialize(at:, target:, outcome: nil, sip_method: nil, branch: nil, call_id: nil)
        super(at: at, call_id: call_id)
        @target = target
        @outcome = outcome
        @sip_method = sip_method
        @branch = branch
      end

      # @return [Boolean] whether it has ended without a response
      def vain?
        outcome.is_a?(Symbol) && outcome != :answered
      end
    end

    # The end of a received request without a final response: the script has made nothing of it, or has ended its
    # transaction.
    class Unanswered < Event
      # @return [Symbol, nil] the method of the request
      attr_reader :sip_method
      # @return [String, nil] its branch, in any letter case; nil or empty where it is not unique
      attr_reader :branch

      def initialize(at:, sip_method: nil, branch: nil, call_id: nil)
        super(at: at, call_id: call_id)
        @sip_method = sip_method
        @branch = branch
      end
    end

    # A look-up in DNS that has ended (RFC 3263).
    class Resolution < Event
      # @return [String] what was looked up: "sip:example.com"
      attr_reader :question
      # @return [Array<String>] the targets in their order: "udp:192.0.2.1:5060"; empty when there is none
      attr_reader :targets
      # @return [Float, nil] seconds that it took
      attr_reader :duration

      def initialize(at:, question:, targets: [], duration: nil, call_id: nil)
        super(at: at, call_id: call_id)
        @question = question
        @targets = targets
        @duration = duration
      end
    end

    # A remark for the reader.
    class Note < Event
      # @return [String]
      attr_reader :text
      # @return [String, nil] the party that it is about; nil is the element
      attr_reader :party

      # @param lacking [Boolean] whether it says that events of its call are missing
      def initialize(at:, text:, party: nil, call_id: nil, lacking: false)
        super(at: at, call_id: call_id)
        @text = text
        @party = party
        @lacking = lacking
      end

      # @return [Boolean] whether it says that events of its call are missing
      def lacking?
        @lacking
      end
    end
  end
end
