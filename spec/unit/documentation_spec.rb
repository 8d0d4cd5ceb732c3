# frozen_string_literal: true

# What is written in Rust is documented in Ruby files that nobody loads: they must say what there is.
RSpec.describe "The documentation of the classes written in Rust", :native do
  # @return [Array<Symbol>] the methods that a line defines
  def self.defined_by(line)
    case line
    when /^ +def ([^\s(;.]+)[\s(;]/, /^ +alias (\S+)/ then [Regexp.last_match(1).to_sym]
    when /^ +attr_(reader|writer|accessor) (.*)/
      kind, names = Regexp.last_match.captures
      endings = { "reader" => [""], "writer" => ["="], "accessor" => ["", "="] }.fetch(kind)
      names.scan(/\w+/).product(endings).map { |parts| parts.join.to_sym }
    else []
    end
  end

  # @return [Hash{String => Array<Symbol>}] methods by class
  def self.documented
    lines = Dir[File.expand_path("../../ext/oversip_rs/doc/*.rb", __dir__)].flat_map { |path| File.readlines(path) }
    lines.slice_before(/^    (?:class|module) \w/).drop(1).to_h do |part|
      [part.first[/(?:class|module) (\w+)/, 1], part.flat_map { |line| defined_by(line) } - %i[initialize]]
    end
  end

  documented.each do |name, methods|
    it "of #{name} has its methods and no others" do
      expect(methods.uniq).to match_array(OverSIP::SIP.const_get(name).instance_methods(false) - %i[inspect])
    end
  end
end
