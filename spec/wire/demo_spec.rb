# frozen_string_literal: true

require_relative "../support/command"

# What bin/demo runs once everything is built.
RSpec.describe "The demonstration", :native do
  it "shows the events and the ladder of each scene, and ends with status 0" do
    demo = Command::Running.new([RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"),
                                 File.join(Command::ROOT, "bin/support/demo.rb")])
    expect(demo.status(limit: 60)).to be_success, -> { demo.output }
    ["on_request                INVITE sip:bob@", "on_error                  500 Connection Error",
     "|<------ 180 Ringing -----|", "Everything expected happened in 3 scenes"].each do |shown|
      expect(demo.output).to include(shown)
    end
  ensure
    demo&.kill
  end
end
