# frozen_string_literal: true

# docs/mended.md names an example for each of its rows.
RSpec.describe "docs/mended.md" do
  root = File.expand_path("../..", __dir__)
  rows = File.readlines(File.join(root, "docs", "mended.md"), chomp: true).grep(/\A\| (?!OverSIP 2 \||what \|)/)

  # @return [Array<String>] the names of the examples in a file, `…` in place of a part that a variable gives
  def names_in(path)
    text = File.read(path)
    return text.scan(/#\[(?:tokio::)?test\b[^\]]*\]\s+(?:async )?fn (\w+)/).flatten if path.end_with?(".rs")

    literal = /"(?:#\{[^}]*\}|\\.|[^"\\])*"/
    named = text.scan(/\b(?:it|describe|context)\(? ?(#{literal})/)
    in_tables = text.scan(/^\s*\{?\[?(#{literal})(?: =>|,)/)
    (named + in_tables).flatten.map { |name| name[1..-2].gsub(/#\{.*\}/, "…").gsub('\"', '"') }
  end

  it "has a row for each defect" do
    expect(rows.size).to be > 100
  end

  rows.each do |row|
    it "names an example that exists: #{row[/\A\| (.*?) \|/, 1]}" do
      path, name = row.match(/ \| `([^`|]+)`: ([^|]+) \|\z/)&.captures
      expect(path).to be_truthy, "no example in #{row}"
      expect(names_in(File.join(root, path))).to include(name)
    end
  end
end
