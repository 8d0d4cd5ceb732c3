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

  it "of the core include no file but their own and those of web/, each once" do
    included = found("src", /include_(?:str|bytes)!\(\s*"([^"]+)"/).flat_map do |file, paths|
      paths.map { |path| File.expand_path(path, File.join(root, File.dirname(file))).delete_prefix("#{root}/") }
    end
    expect(included.reject { |path| path.start_with?("src/", "web/") }).to be_empty
    expect(included.grep(%r{\Aweb/})).to match_array(Dir["web/**/*.*", base: root])
  end

  it "of the core name nothing of Ruby in their code" do
    code = sources("src").transform_values { |text| text.gsub(%r{//.*}, "") }
    expect(code.select { |_, text| text.match?(/\bmagnus\b|\brb_sys\b|\bVALUE\b|\bunsafe\b/) }.keys).to be_empty
  end

  # Each layer with those that it names, and no other.
  arrows = {
    "message" => [],
    "capture" => [],
    "clock" => [],
    "random" => [],
    "expiring_map" => [],
    "observed" => %w[message],
    "transaction" => %w[message],
    "transport" => %w[clock message],
    "resolve" => %w[expiring_map message],
    "client" => %w[expiring_map message random resolve],
    "element" => %w[client message random resolve transaction],
    "simulation" => %w[client element message random resolve transaction],
    "trace" => %w[element message observed resolve transaction],
    "metrics" => %w[element message observed resolve],
    "hep" => %w[message observed],
    "engine" => %w[client clock element hep host message metrics observed random resolve trace transaction transport],
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

  # A layer and all that it names.
  def with_those_below(layer, arrows)
    [layer, *arrows.fetch(layer).flat_map { |below| with_those_below(below, arrows) }].uniq
  end

  # The files of some layers without comments and tests.
  def code_of(layers)
    files = layers.flat_map { |layer| Dir[File.join(root, "src", "{#{layer}.rs,#{layer}/**/*.rs}")] }.reject { |path| path.end_with?("_tests.rs") }
    files.to_h do |path|
      [path.delete_prefix("#{root}/src/"), File.read(path).gsub(%r{//.*}, "").sub(/^#\[cfg\(test\)\]\nmod tests \{.*/m, "")]
    end
  end

  # What tells things apart that the same inputs leave equal, and what waits.
  alien = {
    "a task or a thread" => /\btokio\b|\bthread::|\bstd::thread\b|\bthread_local\b|\basync\s+(?:fn|move)\b|\.await\b/,
    "a lock" => /\b(?:Mutex|RwLock|Condvar|Barrier|OnceLock|LazyLock|parking_lot)\b/,
    "an atomic" => /\bAtomic(?:Bool|Ptr|[IU](?:8|16|32|64|size))\b|\bsync::atomic\b/,
    "a channel" => /\b(?:mpsc|oneshot|crossbeam|flume)\b|\bchannel\(/,
    "the time" => /\b(?:Instant|SystemTime)::now\b|\.elapsed\(\)/,
    "chance of its own" => /\b(?:getrandom|rand|thread_rng|OsRng|from_entropy|from_os_rng)\b/,
    "a socket" => /\b(?:(?:Udp|Tcp|Unix)(?:Socket|Stream|Listener|Datagram)|socket2|nix|hickory_resolver|ToSocketAddrs)\b/,
    "a file or the environment" => /\bstd::(?:fs|env|process|os)\b/,
    "a map whose order nobody hands in" => /\b(?:Hash(?:Map|Set)|RandomState|IndexMap|DashMap)\b/
  }

  # The maps with a key that is handed in.
  maps = "element/table.rs"

  it "that are values name nothing that could tell equal inputs apart, and nothing that waits" do
    code = code_of(%w[element simulation].flat_map { |layer| with_those_below(layer, arrows) }.uniq)
    expect(code.size).to be > 100
    expect(code.keys.map { |file| layer(file) }.uniq).to include("element", "client", "resolve", "transaction", "message", "random", "simulation")
    named = code.transform_values { |text| alien.select { |_, pattern| text.match?(pattern) }.keys }.reject { |_, names| names.empty? }
    expect(named).to eq(maps => ["a map whose order nobody hands in"])
    expect(code.fetch(maps).scan(/Hash(?:Map|Set)::\w+/).uniq).to contain_exactly("HashMap::with_hasher", "HashSet::with_hasher")
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
