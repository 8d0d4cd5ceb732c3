# frozen_string_literal: true

require_relative "../support/console_block"
require_relative "../support/inner_rspec"

# What docs/testing.md shows is what happens.
RSpec.describe "docs/testing.md" do
  guide = File.expand_path("../../docs/testing.md", __dir__)
  text = File.read(guide)
  named = text.scan(/^```ruby\n# (\S+\.rb)\n(.*?)^```/m).to_h
  recipes = text[/^## Recipes\n.*?(?=^## )/m].scan(/^### (.*?)\n.*?^```ruby\n(.*?)^```/m).to_h
  minitest = text[/^## Minitest\n.*?^```ruby\n(.*?)^```/m, 1]

  it "has a first example of ten lines that passes" do
    expect(named.fetch("spec/server_spec.rb").lines.size).to be <= 10
    outcome = InnerRspec.run_rspec(named, "spec")
    expect(outcome.passed).to eq(["sends a call to the gateway"]), outcome.output
  end

  it "has ten recipes" do
    expect(recipes.size).to eq(10)
  end

  recipes.each do |title, code|
    it "has a recipe whose examples pass: #{title}" do
      outcome = InnerRspec.run_rspec({ "spec/recipe_spec.rb" => code }, "--require", "oversip/rspec", "spec/recipe_spec.rb")
      expect(outcome.examples.values.map { |example| example["status"] }).to all(eq("passed")).and(be_any), outcome.output
    end
  end

  it "has the example of the README, with the relay that the README shows" do
    readme = File.read(File.expand_path("../../README.md", __dir__))
    spec = readme[/^## Testing scripts\n.*?^```ruby\n(.*?)^```/m, 1]
    script = readme[/^## Fifteen lines.*?^```ruby\n(.*?)^```/m, 1].sub('request, "127.0.0.1", 5090', "request").sub(/^OverSIP.run.*/, "")
    outcome = InnerRspec.run_rspec({ "server.rb" => script, "spec/server_spec.rb" => spec }, "spec")
    expect(outcome.passed).to eq(["goes to the second gateway"]), outcome.output
  end

  it "has a test for Minitest that passes" do
    outcome = InnerRspec.run_ruby({ **named, "test/server_test.rb" => minitest }, "test/server_test.rb")
    expect(outcome.output).to include("1 runs, 1 assertions, 0 failures, 0 errors, 0 skips")
  end

  it "has no other code" do
    expect(text.scan(/^```ruby\n/).size).to eq(named.size + recipes.size + 1)
  end

  # `ruby spec/support/console_block.rb docs/testing.md` writes what the commands print now.
  it "shows what a new user sees: a green spec, a mistake with its ladder, and the mended script" do
    blocks = ConsoleBlock.of(guide)
    shown = ConsoleBlock.run(blocks)
    expect(shown).to eq(blocks.map(&:text))
    expect(shown.map { |block| block[/\d+ examples?, \d+ failures?/] }).to eq(["16 examples, 0 failures", "6 examples, 1 failure", "16 examples, 0 failures"])
    expect(shown[1]).to match(/alice +oversip/)
  end
end
