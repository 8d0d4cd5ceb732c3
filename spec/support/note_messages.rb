# frozen_string_literal: true

require "digest"
require "json"
require_relative "chance_mask"

# For a run of specs in another process (`rspec -r`): writes what each example has sent, without what chance has made, as a
# digest by the example's id into the file that NOTES names.
seen = {}
RSpec.configure do |config|
  config.append_after(:each, :sip) do |example|
    mask = ChanceMask.new
    lines = sip.messages.map { |message| "#{message.at} #{message.from} #{message.to} #{message.fate} #{mask.mask(message.bytes)}" }
    seen[example.id] = Digest::SHA256.hexdigest(lines.join("\n"))
  end
  config.after(:suite) { File.write(ENV.fetch("NOTES"), JSON.generate(seen)) }
end
