# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"
require_relative "../support/native_documentation"

# Methods in Rust are documented in Ruby files that are never loaded: these must name all of them, and no others.
RSpec.describe "The documentation of methods in Rust", :native do
  # @return [Hash{String => NativeDocumentation::Methods}]
  def self.documented
    @documented ||= NativeDocumentation.new(Dir[File.expand_path("../../ext/oversip_rs/doc/*.rb", __dir__)]).modules
  end

  # Every module of the library with its methods in Rust, except OverSIP::Engine, which only the library calls.
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
      expect(documentation.instance.uniq - %i[initialize]).to match_array(instance - %i[inspect])
      expect(documentation.own.uniq).to match_array(own)
    end
  end

  it "has no method that does not exist" do
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

RSpec.describe "rake doc" do
  let(:root) { File.expand_path("../..", __dir__) }

  # @return [String] what it says
  def document(folder)
    output, status = Open3.capture2e(RbConfig.ruby, "-S", "rake", "--silent", "doc:ruby[#{folder}]", chdir: root)
    expect(status).to be_success, output
    output
  end

  it "has no warnings, and a page for each guide whose links lead somewhere" do
    Dir.mktmpdir("oversip-doc") do |folder|
      expect(document(folder)).not_to match(/warn|error/i)
      guides = Dir[File.join(root, "docs", "*.md")].map { |path| File.basename(path, ".md") }
      pages = Dir[File.join(folder, "file.*.html")].to_h { |path| [path[/file\.(.*)\.html/, 1], File.read(path)] }
      expect(pages.keys).to include("README", "ARCHITECTURE", "CHANGELOG", *guides)
      expect(pages.fetch("client")).to include('href="file.tls.html"')
      expect(pages.fetch("migration")).to match(/href="file\.migration\.html#[^"]*tls"/i)
    end
  end

  it "covers all public methods" do
    output, status = Open3.capture2e("yard", "stats", "--list-undoc", "--no-save", "--no-cache", chdir: root)
    expect(status).to be_success, output
    expect(output).to include("100.00% documented"), output
  end

  it "shows only those writers that a script may use" do
    Dir.mktmpdir("oversip-doc") do |folder|
      document(folder)
      page = File.read(File.join(folder, "OverSIP.html"))
      attributes = page.scan(%r{title="(\w+) \(class method\)"(.*?)</li>}m).to_h
      expect(%w[configuration proxies pid is_ready].map { |name| attributes.fetch(name).include?("readonly") })
        .to eq([true, false, true, true])
    end
  end
end
