# frozen_string_literal: true

# What is written in Rust is documented in Ruby files that nobody loads: they must say what there is, and all of it.
RSpec.describe "The documentation of what is written in Rust", :native do
  # Reads the files by their indentation: methods by module, instance methods apart from the module's own.
  class NativeDocumentation
    Documented = Struct.new(:instance_methods, :singleton_methods)

    def initialize(lines)
      @modules = Hash.new { |modules, name| modules[name] = Documented.new([], []) }
      @nesting = []
      lines.each { |line| read(line) }
    end

    attr_reader :modules

    private

    def read(line)
      case line
      when /^( *)(?:class|module) (\w+)/
        @nesting = @nesting.first(Regexp.last_match(1).size / 2) << Regexp.last_match(2)
      when /^ +def self\.([^\s(;]+)/ then here.singleton_methods << Regexp.last_match(1).to_sym
      when /^ +def ([^\s(;]+)/, /^ +alias (\S+)/ then here.instance_methods << Regexp.last_match(1).to_sym
      when /^ +attr_(reader|writer|accessor) (.*)/
        kind, names = Regexp.last_match.captures
        endings = { "reader" => [""], "writer" => ["="], "accessor" => ["", "="] }.fetch(kind)
        here.instance_methods.concat(names.scan(/\w+/).product(endings).map { |parts| parts.join.to_sym })
      end
    end

    def here
      @modules[@nesting.join("::")]
    end
  end

  # @return [Hash{String => NativeDocumentation::Documented}]
  def self.documented
    @documented ||= Dir[File.expand_path("../../ext/oversip_rs/doc/*.rb", __dir__)].each_with_object({}) do |path, all|
      NativeDocumentation.new(File.readlines(path)).modules.each do |name, methods|
        all[name] = all.key?(name) ? all[name].class.new(*all[name].to_a.zip(methods.to_a).map(&:sum)) : methods
      end
    end
  end

  # Every module of the library with what it defines in Rust. The Ruby part of the library alone calls OverSIP::Engine.
  #
  # @return [Hash{String => Array<Array<Symbol>>}] instance methods and the module's own
  def self.native(within = OverSIP, seen = {})
    within.constants.sort.map { |name| within.const_get(name) }.grep(Module).each do |found|
      next if seen.key?(found.name) || !found.name.start_with?("OverSIP::") || found <= Struct || found == OverSIP::Engine

      own = found.singleton_methods(false).map { |name| found.method(name) }
      instance = found.instance_methods(false).map { |name| found.instance_method(name) }
      seen[found.name] = [instance, own].map { |methods| methods.select { |method| method.source_location.nil? }.map(&:name) }
      native(found, seen)
    end
    seen
  end

  native.reject { |_, methods| methods.all?(&:empty?) }.each do |name, (instance, own)|
    it "of #{name} has its methods and no others" do
      documentation = self.class.documented.fetch(name)
      expect(documentation.instance_methods.uniq - %i[initialize]).to match_array(instance - %i[inspect])
      expect(documentation.singleton_methods.uniq).to match_array(own)
    end
  end

  it "is of nothing that does not exist" do
    expect(self.class.documented.keys - self.class.native.keys - %w[OverSIP OverSIP::SIP]).to be_empty
  end

  it "has a comment above each method or group of them" do
    bare = Dir[File.expand_path("../../ext/oversip_rs/doc/*.rb", __dir__)].flat_map do |path|
      lines = File.readlines(path)
      lines.each_index.select { |at| lines[at].match?(/^ +(?:def|attr_)/) && !lines[at - 1].match?(/^ *#/) }
           .map { |at| "#{File.basename(path)}:#{at + 1}" }
    end
    expect(bare).to be_empty
  end
end
