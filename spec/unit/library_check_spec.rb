# frozen_string_literal: true

require "tmpdir"
require "oversip/folder_check"

RSpec.describe OverSIP::FolderCheck::Libraries do
  around { |example| Dir.mktmpdir { |dir| (@dir = dir) && example.run } }

  def problem(text)
    path = File.join(@dir, "library.rb")
    File.write(path, text)
    described_class.problem(path)
  end

  it "finds nothing wrong with a library that loads, whatever it does to its process" do
    ["X_LOADED = 1", "puts 'hello'; warn 'there'", "$stdin.read", "exit", "abort 'no'", "Process.kill(:KILL, $$)"].each do |text|
      expect([text, problem(text)]).to eq([text, nil])
    end
    expect(Object.const_defined?(:X_LOADED)).to be(false)
  end

  it "says what a library raises, and which one it misses" do
    expect(problem("raise ArgumentError, \"first\\nsecond\"")).to eq("first (ArgumentError)")
    expect(problem("def broken(")).to include("SyntaxError")
    expect(problem("require 'em-synchrony'")).to match(/\Acannot load such file -- em-synchrony; em-synchrony needs EventMachine/)
    expect(problem("raise NotImplementedError")).to include("NotImplementedError")
  end

  it "gives up a library that never ends to load" do
    stub_const("#{described_class}::LIMIT", 0.3)
    expect(problem("sleep")).to match(/library.rb takes more than 0.3 s to load\z/)
  end
end
