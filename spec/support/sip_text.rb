# frozen_string_literal: true

# A SIP message as a peer sees it: text, with a look at its parts.
class SipText
  attr_reader :text

  def initialize(text)
    @text = text.b.force_encoding(Encoding::UTF_8)
  end

  def first_line
    @text[/\A[^\r\n]*/]
  end

  def request?
    !first_line.start_with?("SIP/2.0")
  end

  # @return [Integer, nil]
  def status
    first_line[%r{\ASIP/2.0 (\d+)}, 1]&.to_i
  end

  # @return [String, nil]
  def reason
    first_line[%r{\ASIP/2.0 \d+ (.*)}, 1]
  end

  # @return [String] of a request: its method; of a response: the CSeq's
  def method_name
    request? ? first_line[/\A\S+/] : header("CSeq")[/\S+\z/]
  end

  # @return [String] Request-URI
  def ruri
    first_line.split[1]
  end

  # @return [Array<String>] values of a header, one for each line
  def headers(name)
    head.lines(chomp: true).drop(1).filter_map { |line| line[/\A#{Regexp.escape(name)}\s*:\s*(.*)\z/i, 1] }
  end

  def header(name)
    headers(name).first
  end

  # @return [Array<String>] [lower-case name, value] of every header line, in order
  def header_lines
    head.lines(chomp: true).drop(1).map { |line| line.split(/\s*:\s*/, 2) }.map { |name, value| [name.downcase, value] }
  end

  def branch
    header("Via")[/;branch=([^;\s]+)/, 1]
  end

  def to_tag
    header("To")[/;tag=([^;\s]+)/, 1]
  end

  def body
    @text.split("\r\n\r\n", 2)[1].to_s
  end

  def to_s
    @text
  end

  def inspect
    "#<SipText #{first_line} (#{header("CSeq")})>"
  end

  private

  def head
    @text.split("\r\n\r\n", 2)[0].gsub("\r\n", "\n")
  end
end
