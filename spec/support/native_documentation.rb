# frozen_string_literal: true

# The files that document methods in Rust, read by their indentation: methods by module, instance methods apart from the
# module's own.
class NativeDocumentation
  Methods = Struct.new(:instance, :own)

  # @param paths [Array<String>]
  def initialize(paths)
    @modules = Hash.new { |modules, name| modules[name] = Methods.new([], []) }
    @nesting = []
    paths.flat_map { |path| File.readlines(path) }.each { |line| read(line) }
  end

  attr_reader :modules

  private

  def read(line)
    case line
    when /^( *)(?:class|module) (\w+)/
      @nesting = @nesting.first(Regexp.last_match(1).size / 2) << Regexp.last_match(2)
    when /^ +def self\.([^\s(;]+)/ then here.own << Regexp.last_match(1).to_sym
    when /^ +def ([^\s(;]+)/, /^ +alias (\S+)/ then here.instance << Regexp.last_match(1).to_sym
    when /^ +attr_(reader|writer|accessor) (.*)/
      kind, names = Regexp.last_match.captures
      endings = { "reader" => [""], "writer" => ["="], "accessor" => ["", "="] }.fetch(kind)
      here.instance.concat(names.scan(/\w+/).product(endings).map { |parts| parts.join.to_sym })
    end
  end

  def here
    @modules[@nesting.join("::")]
  end
end
