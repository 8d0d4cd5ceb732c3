# frozen_string_literal: true

require "socket"

# The torture messages of RFC 4475 and RFC 5118, with the rows of tests/torture/table.txt.
module Torture
  FOLDER = File.expand_path("../../tests/torture", __dir__)

  # Of two messages SIPp cannot send these bytes: it ends every head with an empty line, which baddn lacks, and refuses a scenario
  # with the status of bigcode. It does not find the method of a CSeq that is folded, as in the response to wsinv.
  NOT_BY_SIPP = %w[rfc4475/baddn rfc4475/bigcode rfc4475/wsinv].freeze

  # One message and the answer of a relay.
  Row = Struct.new(:name, :section, :verdict, :rfc_answer, :parse, :receipt, :answer, :deviation) do
    def bytes
      @bytes ||= File.binread(File.join(FOLDER, "#{name}.dat"))
    end

    def valid?
      verdict != "invalid"
    end

    # @return [Integer, nil] nil if there is none
    def status
      answer[/\A\d+/]&.to_i
    end

    def sent_by_sipp?
      !NOT_BY_SIPP.include?(name)
    end

    def call_id
      bytes[/^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)/i, 1]
    end

    # Where a response goes: to the port of the top Via (RFC 3261 18.2.2).
    def response_port
      bytes[/^(?:Via|v)[ \t]*:[^;]*?[A-Z]+\s+(?:\[[^\]]*\]|[^\s:;]+)(?::(\d+))?/i, 1].to_i.nonzero? || 5060
    end

    # What stands for this message in a scenario of SIPp, which takes the text as it is only if it is free of blanks, brackets and
    # line ends; the empty line behind the head has to be one, since SIPp looks for it.
    def for_sipp
      head, body = bytes.split("\r\n\r\n", 2)
      [head, body].compact.reject(&:empty?).map { |part| escaped(part) }.join("\n\n")
    end

    private

    def escaped(part)
      part.gsub(/[^A-Za-z0-9]/n) { |byte| format("\\x%02x", byte.ord) }
    end
  end

  # Where forwarded requests go: says 200 to each.
  class Callee
    def initialize
      @socket = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
      @thread = Thread.new { loop { agree(*@socket.recvfrom(65_535)) } }
    end

    def address
      "127.0.0.1:#{@socket.addr[1]}"
    end

    def close
      @thread.kill
      @thread.join
      @socket.close
    end

    private

    def agree(request, source)
      lines = request.split("\r\n\r\n", 2).first.split(/\r\n(?![ \t])/n)
      copied = lines.drop(1).grep(/\A(?:via|v|from|f|to|t|call-id|i|cseq)[ \t]*:/in)
      # To comes last: SIPp does not read on behind the zero byte that intmeth has there.
      to, others = copied.partition { |line| line.match?(/\At/in) }
      answer = ["SIP/2.0 200 OK", *others, "Content-Length: 0", *to].join("\r\n")
      @socket.send("#{answer}\r\n\r\n", 0, source[3], source[1])
    end
  end

  # @param rfc [String] "rfc4475" or "rfc5118"
  # @return [Array<Row>]
  def self.rows(rfc)
    lines = File.readlines(File.join(FOLDER, "table.txt"), chomp: true)
    lines.grep(%r{\A#{rfc}/}).map { |line| Row.new(*line.delete_suffix(" |").split(" | ")) }
  end
end
