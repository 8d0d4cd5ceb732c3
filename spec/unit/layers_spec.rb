# frozen_string_literal: true

require "open3"
require "support/rust_files"
require "tmpdir"

# The walls of the house: which part may know of which.
RSpec.describe "The layers" do
  let(:root) { File.expand_path("../..", __dir__) }

  def sources(folder)
    Dir[File.join(root, folder, "**", "*.rs")].to_h { |path| [path.delete_prefix("#{root}/"), File.read(path)] }
  end

  # @return [Hash{String => Array<String>}] what matches, by file
  def found(folder, pattern)
    sources(folder).transform_values { |text| text.scan(pattern).flatten.uniq }.reject { |_, matches| matches.empty? }
  end

  it "of the core depend on no crate that binds to Ruby" do
    tree, error, status = Open3.capture3("cargo", "tree", "--locked", "--package", "oversip", "--edges", "all",
                                         "--prefix", "none", chdir: root)
    expect(status).to be_success, error
    expect(tree.lines.size).to be > 50
    expect(tree.lines.grep(/\A(magnus|rb-sys|rb_sys|oversip_rs)/)).to be_empty
  end

  it "of the core name nothing of Ruby in their code" do
    code = sources("src").transform_values { |text| text.gsub(%r{//.*}, "") }
    expect(code.select { |_, text| text.match?(/\bmagnus\b|\brb_sys\b|\bVALUE\b|\bunsafe\b/) }.keys).to be_empty
  end

  # Each layer with those that it names, and no other.
  arrows = {
    "message" => [],
    "clock" => [],
    "random" => [],
    "expiring_map" => [],
    "transaction" => %w[message],
    "transport" => %w[clock message],
    "resolve" => %w[expiring_map message],
    "client" => %w[expiring_map message random resolve],
    "element" => %w[client message random resolve transaction],
    "simulation" => %w[client element message random resolve transaction],
    "engine" => %w[client clock element host message random resolve transaction transport],
    "host" => %w[client element message resolve]
  }

  def layer(file)
    file.split("/").first.delete_suffix(".rs")
  end

  it "know what is below them, each exactly its own" do
    core = RustFiles.new(File.join(root, "src")).known.group_by { |file, _| layer(file) }
    named = core.transform_values { |files| files.flat_map(&:last).map { |file| layer(file) }.uniq.sort }
    expect(named.to_h { |layer, others| [layer, others - [layer]] }.except("lib")).to eq arrows
  end

  it "know each other one way" do
    expect do
      TSort.tsort(->(&block) { arrows.each_key(&block) }, ->(layer, &block) { arrows.fetch(layer).each(&block) })
    end.not_to raise_error
  end

  it "have files that know each other one way: no circle in the core" do
    expect(RustFiles.new(File.join(root, "src")).circles).to be_empty
  end

  it "that are values know no socket, no task, no lock, no chance of their own, and no map of unknown order" do
    alien = /\b(tokio|hickory_resolver|nix|getrandom|Mutex|RwLock|mpsc|std::thread|Atomic\w+)\b|UdpSocket|TcpStream|TcpListener|\bHash(?:Map|Set)::(?:new|default|with_capacity)\b/
    folders = %w[src/message src/transaction src/resolve src/client src/element src/simulation src/random.rs src/expiring_map.rs]
    values = folders.flat_map { |path| path.end_with?(".rs") ? [path] : sources(path).keys }.reject { |path| path.end_with?("_tests.rs") }
    code = values.to_h { |path| [path, File.read(File.join(root, path)).gsub(%r{//.*}, "").sub(/^#\[cfg\(test\)\]\nmod tests \{.*/m, "")] }
    expect(code.size).to be > 100
    expect(code.transform_values { |text| text[alien] }.compact).to be_empty
  end

  # The crates, or folders of them, whose files know each other in one direction only.
  %w[ext/oversip_rs/src].each do |folder|
    it "have files that know each other one way: no circle among those of #{folder}" do
      files = RustFiles.new(File.join(root, folder))
      expect(files.known.values.sum(&:size)).to be > files.known.size
      expect(files.circles).to eq []
    end
  end

  describe "as the files tell them" do
    def circles(files)
      Dir.mktmpdir do |root|
        files.each do |path, code|
          FileUtils.mkdir_p(File.dirname(File.join(root, path)))
          File.write(File.join(root, path), code)
        end
        RustFiles.new(root).circles
      end
    end

    it "show a circle, whether a file is named in a use line or in a path" do
      expect(circles("lib.rs" => "mod a; mod b;", "a.rs" => "use crate::b::B;", "b.rs" => "fn b() { crate::a::go() }")).to eq [%w[a.rs b.rs]]
      expect(circles("lib.rs" => "mod a; mod b;", "a.rs" => "use crate::{b};\nfn a() { b::go() }", "b.rs" => "use super::a::A;"))
        .to eq [%w[a.rs b.rs]]
    end

    it "show a folder's mod.rs that calls a file which knows it" do
      expect(circles("lib.rs" => "mod a;", "a/mod.rs" => "mod part;\npub struct A;\nfn a() { part::go() }", "a/part.rs" => "use super::A;"))
        .to eq [%w[a/mod.rs a/part.rs]]
    end

    it "show the file that defines what a mod.rs hands on" do
      files = { "lib.rs" => "mod a; mod b;", "a/mod.rs" => "mod low;\nmod top;\npub use self::{low::{Low}, top::Top};",
                "a/low.rs" => "", "b.rs" => "use crate::a::Low;" }
      expect(circles(files.merge("a/top.rs" => "use crate::b;\nfn top() { b::go() }"))).to eq []
      expect(circles(files.merge("a/low.rs" => "use crate::b::B as Other;", "a/top.rs" => ""))).to eq [%w[a/low.rs b.rs]]
    end

    it "leave out comments and tests" do
      expect(circles("lib.rs" => "mod a; mod b;", "a.rs" => "// use crate::b::B;\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n",
                     "b.rs" => "use crate::a::A;")).to eq []
    end
  end

  # Tests may look at the real time: files of their own, and the last part of a file.
  it "ask one clock what time it is, and wait by no other" do
    timed = %w[src ext].flat_map { |folder| sources(folder).to_a }.reject { |path, _| path.end_with?("_tests.rs") }
    code = timed.to_h.transform_values { |text| text.gsub(%r{//.*}, "").sub(/^#\[cfg\(test\)\]\nmod tests \{.*/m, "") }
    real = /\bInstant::now\b|\b(System|Unix)Time::now\b|\btokio::time\b|\btime::(sleep|timeout|interval)\b|\.elapsed\(\)/
    expect(code.select { |_, text| text.match?(real) }.keys).to contain_exactly("src/engine/clock.rs")
  end

  it "of the boundary open no socket and run no engine of their own" do
    expect(found("ext", /\btokio\b|\bnix\b|\bsocket2\b|UdpSocket|TcpStream|TcpListener|thread::spawn/)).to be_empty
    dependencies = File.read(File.join(root, "ext/oversip_rs/Cargo.toml"))[/^\[dependencies\]\n(.*?)\n\n/m, 1]
    expect(dependencies.lines.map { |line| line[/\A[\w-]+/] }).to contain_exactly("bytes", "magnus", "oversip", "rb-sys", "tracing")
  end
end
