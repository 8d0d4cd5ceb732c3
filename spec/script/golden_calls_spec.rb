# frozen_string_literal: true

require_relative "../support/golden_calls"

# Ten calls, drawn and written in each form. Where a difference is meant: `script/golden`, and read what `git diff` says.
RSpec.describe "The calls of spec/golden", :native do
  GoldenCalls::CALLS.each_key do |name|
    describe name do
      let(:record) { GoldenCalls.record(name) }

      it "looks as the files say" do
        GoldenCalls::FORMS.each do |extension, form|
          expect(form.call(record).to_s).to eq(File.read(GoldenCalls.path(name, extension), encoding: "UTF-8")), "#{name}.#{extension} is another one"
        end
      end
    end
  end

  it "are all the files there are" do
    names = GoldenCalls::CALLS.keys.product(GoldenCalls::FORMS.keys).map { |parts| parts.join(".") }
    expect(Dir.children(GoldenCalls::FOLDER)).to match_array(names + ["server.rb"])
  end
end
