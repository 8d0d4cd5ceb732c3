# frozen_string_literal: true

# For a run of specs in another process (`rspec -r`): young objects are collected at each allocation, so that what nobody marks is
# gone at once. A collection of all objects each time would take minutes for an example.
RSpec.configure do |config|
  config.around(:each, :sip) do |example|
    GC.stress = 1
    example.run
  ensure
    GC.stress = false
  end
end
