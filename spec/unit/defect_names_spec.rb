# frozen_string_literal: true

# Each defect of OverSIP 2's messages that is fixed here has a spec of its own, found by its number.
RSpec.describe "The defects of OverSIP 2 in messages" do
  root = File.expand_path("../..", __dir__)
  specs = Dir[File.join(root, "spec/{unit,wire}/**/*_spec.rb")].flat_map { |path| File.read(path).scan(/"(?:.*, )?M-(B\d\d):/) }
  rust = Dir[File.join(root, "{src,tests}/**/*.rs")].flat_map { |path| File.read(path).scan(/^\s*(?:async )?fn \w*m_(b\d\d)_/) }
  named = (specs + rust).flatten.map(&:upcase).uniq

  # The others are kept as they were.
  fixed = [*1..36, 39, 40, 41, 43, 44, 49, 52, 53]

  fixed.each do |number|
    id = format("B%02d", number)
    it "have a named spec: M-#{id}" do
      expect(named).to include(id)
    end
  end
end
