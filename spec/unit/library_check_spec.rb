# frozen_string_literal: true

require "tmpdir"
require "oversip/folder_check"

RSpec.describe OverSIP::FolderCheck::Libraries do
  around { |example| Dir.mktmpdir { |dir| (@dir = dir) && example.run } }

  def library(text, name = "library")
    File.join(@dir, "#{name}.rb").tap { |path| File.write(path, text) }
  end

  def problem(text)
    described_class.problems([library(text)]).values.first&.text
  end

  it "accepts a library that loads, even if it exits or changes its process" do
    ["X_LOADED = 1", "puts 'hello'; warn 'there'", "$stdin.read", "exit", "abort 'no'", "Process.kill(:KILL, $$)"].each do |text|
      expect([text, problem(text)]).to eq([text, nil])
    end
    expect(Object.const_defined?(:X_LOADED)).to be(false)
  end

  it "reports the exception of a library, or the library that it misses" do
    expect(problem("raise ArgumentError, \"first\\nsecond\"")).to eq("first (ArgumentError)")
    expect(problem("def broken(")).to include("SyntaxError")
    expect(problem("require 'em-synchrony'")).to match(/\Acannot load such file -- em-synchrony; em-synchrony needs EventMachine/)
    expect(problem("raise NotImplementedError")).to include("NotImplementedError")
  end

  it "gives up a library that does not load in time" do
    stub_const("#{described_class}::LIMIT", 0.3)
    expect(problem("sleep")).to match(/library.rb takes more than 0.3 s to load\z/)
  end

  it "loads them in their order, each one where the earlier ones are, those too that end the process" do
    stub_const("#{described_class}::LIMIT", 5)
    good = library("module Alpha; end", "good")
    killing = library("Process.kill(:KILL, $$)", "killing")
    leaving = library("exit 1", "leaving")
    bad = library("raise KeyError, 'no key'", "bad")
    needing = library("Alpha.name", "needing")
    expect(described_class.problems([good, killing, leaving, bad, needing]).transform_values(&:to_a))
      .to eq(bad => ["no key (KeyError)", true])
    expect(described_class.problems([needing, good]).transform_values(&:to_a))
      .to match(needing => [/\Auninitialized constant Alpha.* \(NameError\)\z/, false])
    expect(described_class.problems([])).to eq({})
  end

  it "goes on behind one that never ends" do
    stub_const("#{described_class}::LIMIT", 3)
    good = library("module Alpha; end", "good")
    hanging = library("sleep", "hanging")
    bad = library("Alpha.new", "bad")
    expect(described_class.problems([good, hanging, bad]).transform_values(&:text))
      .to match(hanging => /takes more than/, bad => /undefined method `?'?new' for .*Alpha/)
  end

  it "names a gem only where its name is known" do
    expect(problem("require 'no_such'")).to end_with("gem install no_such")
    expect(problem("require 'google/cloud/storage'")).to end_with("? install the gem that brings this file")
    expect(described_class.problems([library("raise 'no'", "oversip-mod-mysql")]).values.first.text).to eq("no (RuntimeError)")
  end
end
