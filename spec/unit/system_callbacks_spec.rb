# frozen_string_literal: true

RSpec.describe OverSIP::SystemCallbacks do
  # What is registered otherwise comes back after the example.
  before { %i[on_started_callbacks on_reload_callbacks on_terminated_callbacks].each { |name| described_class.public_send(name).clear } }

  %i[on_started on_reload on_terminated].each do |name|
    it "#{name} takes a block or a Proc and keeps the order" do
      callbacks = [proc { 1 }, proc { 2 }]
      described_class.public_send(name, callbacks[0])
      described_class.public_send(name, &callbacks[1])
      expect(described_class.public_send("#{name}_callbacks")).to eq(callbacks)
    end

    it "#{name} without either raises ArgumentError" do
      expect { described_class.public_send(name) }.to raise_error(ArgumentError, "no block given")
    end
  end
end
