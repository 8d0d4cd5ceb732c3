# frozen_string_literal: true

# What the guides in docs/ show.
RSpec.describe "The guides" do
  Dir[File.expand_path("../../docs/*.md", __dir__)].each do |path|
    File.read(path).scan(/^```ruby\n(.*?)^```/m).flatten.each.with_index(1) do |code, number|
      it "show Ruby that can be read: example #{number} of #{File.basename(path)}" do
        expect { RubyVM::InstructionSequence.compile(code, path) }.not_to raise_error
      end
    end
  end
end
