# frozen_string_literal: true

require "open3"

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

  # Names in code, not in comments.
  def named_layers(folder)
    sources(folder).values.flat_map { |text| text.gsub(%r{//.*}, "").scan(/\bcrate::([a-z_]+)/).flatten }.uniq - [File.basename(folder)]
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

  {
    "message" => [],
    "transaction" => %w[message],
    "transport" => %w[message clock],
    "resolve" => %w[message expiring_map],
    "client" => %w[message resolve expiring_map],
    "engine" => %w[message transaction transport resolve client clock]
  }.each do |layer, allowed|
    it "know what is below them: #{layer} names #{allowed.empty? ? "no other" : allowed.join(", ")}" do
      expect(named_layers("src/#{layer}") - allowed).to be_empty
    end
  end

  it "that are sans-IO open no socket and start no task" do
    folders = %w[message transaction resolve client].to_h do |layer|
      [layer, found("src/#{layer}", /\btokio\b|\bhickory_resolver\b|\bnix\b|UdpSocket|TcpStream|TcpListener/)]
    end
    expect(folders.reject { |_, matches| matches.empty? }).to be_empty
  end

  it "of the boundary open no socket and run no engine of their own" do
    expect(found("ext", /\btokio\b|\bnix\b|\bsocket2\b|UdpSocket|TcpStream|TcpListener|thread::spawn/)).to be_empty
    dependencies = File.read(File.join(root, "ext/oversip_rs/Cargo.toml"))[/^\[dependencies\]\n(.*?)\n\n/m, 1]
    expect(dependencies.lines.map { |line| line[/\A[\w-]+/] }).to contain_exactly("bytes", "magnus", "oversip", "rb-sys", "tracing")
  end
end
