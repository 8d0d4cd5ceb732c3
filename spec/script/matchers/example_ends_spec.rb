# frozen_string_literal: true

require_relative "../../support/inner_rspec"

# What becomes of worlds that are left open, of skips in blocks, and of ladders that cannot be written.
RSpec.describe "oversip/rspec, at the end of an example" do
  spec = <<~'RUBY'
    require "oversip/rspec"

    RSpec.describe "a world", :sip do
      sip_script do |request|
        skip "not today" if request.ruri.user == "skip"
        request.reply 200
      end

      let(:status) { sip.client(:alice).options("sip:bob@example.com").status }

      it "is left open" do
        sip.close
        OverSIP::Testing::World.open { |request| request.reply 200 }
      end

      it "is opened twice" do
        OverSIP::Testing::World.open { |request| request.reply 200 }
      end

      it "has a block that skips" do
        expect(sip.client(:alice).options("sip:skip@example.com")).to be_answered.with(200)
      end

      it "has no folder for its ladder", ladder: "/proc/nowhere/x.svg" do
        status
      end

      it "has no path for its ladder", ladder: true do
        status
      end

      it "is fine" do
        expect(status).to eq(200)
      end
    end
  RUBY

  outcome = nil
  before(:context) { outcome = InnerRspec.run_rspec({ "world_spec.rb" => spec }, "world_spec.rb") }

  it "closes a world that is left open, and fails the example that has opened it" do
    expect(outcome.failure("is left open")).to match(/\Athe world that was opened at .*world_spec\.rb:13 was left open/)
    expect(outcome.passed).to eq(["is fine"])
  end

  it "says where the other world was opened" do
    expect(outcome.failure("is opened twice")).to match(/\Aa world is open already, opened at .*world_spec\.rb:16: close it first/)
  end

  it "skips an example by a block" do
    expect(outcome.examples["has a block that skips"]).to include("status" => "pending", "pending_message" => "not today")
  end

  it "says why a ladder is not written, at the line of the example" do
    expect(outcome.failure("has no folder for its ladder"))
      .to start_with("the ladder of this example cannot be written to /proc/nowhere/x.svg: No such file or directory")
    expect(outcome.examples["has no folder for its ladder"].dig("exception", "backtrace").first).to match(/world_spec\.rb:24/)
    expect(outcome.failure("has no path for its ladder")).to eq("ladder: is the path of a file, not true")
  end
end
