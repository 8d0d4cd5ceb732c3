# frozen_string_literal: true

require "oversip/command_line"
require_relative "../support/operations_scene"

# `ruby spec/support/operations_scene.rb` writes what the commands print now.
RSpec.describe "docs/operations.md", :native do
  it "shows what its commands print, but for times and numbers" do
    shown = OperationsScene.shown
    printed = OperationsScene.run
    expect(shown.size).to be >= 8
    expect(printed.map { |text| OperationsScene.structure(text) }).to eq(shown.map { |text| OperationsScene.structure(text) })
  end

  it "names no option that the commands do not have" do
    help = %w[trace top status].map { |command| OverSIP::CommandLine::Inquiry.new("oversip", OverSIP::CommandLine::Commands.named(command), OverSIP::CommandLine::Options.new, []).help }.join
    named = File.read(OperationsScene::GUIDE).scan(/(?<![\w-])--[a-z][a-z-]+/).uniq
    expect(named.reject { |option| help.match?(/#{option}\b/) }).to be_empty
  end
end
