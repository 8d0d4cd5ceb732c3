# frozen_string_literal: true

require "oversip/rspec"

# Ruby raises SystemExit with status 0 where the main thread is killed: it must not end the specs with success.
RSpec.describe "A block of a world that kills its thread", :sip do
  def killing
    { itself: -> { Thread.exit }, kill: -> { Thread.current.kill }, await: -> { OverSIP.await { Thread.exit } },
      async: -> { OverSIP.async { Thread.exit }.value }, leave: -> { exit } }
  end

  sip_script do |request|
    killing.fetch(request.ruri.user.to_sym).call
    request.reply 200
  end

  %w[itself kill await async leave].each do |how|
    it "fails the example (#{how})" do
      sip.expect_script_error(OverSIP::RuntimeError, /has killed its thread/)
      asked = sip.client(:alice).options("sip:#{how}@example.com")
      expect(asked.status).to eq(500)
    end
  end
end
