# frozen_string_literal: true

# Names what chance has made by the order in which it was seen first: branches and tags of the element, what names a connection
# or the process in Record-Route and Path, ports of connections.
class ChanceMask
  MADE_BY_CHANCE = /
    z9hG4bK[0-9a-f]{20,} | (?<=;tag=)[0-9a-f]{6,}(?:\.[0-9a-f]+)?(?![\w.-]) | (?<=sip:)[0-9a-f]{10}(?=@) | (?<=;ovid=)\w+ |
    (?<=[=:])[3-6]\d{4}\b
  /x

  def initialize
    @names = Hash.new { |names, made| names[made] = "(#{names.size + 1})" }
  end

  # @return [String]
  def mask(bytes)
    bytes.gsub(MADE_BY_CHANCE, @names)
  end
end
