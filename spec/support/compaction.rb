# frozen_string_literal: true

require "open3"
require "rbconfig"
require_relative "command"

# Examples in which Ruby's heap is compacted.
#
# Ruby 3.1 looks one slot beyond the top of each thread's stack when it compacts. Whatever object that slot names still may be gone,
# and its page as well, which is a segmentation fault. So each of these examples runs in a process that gives no page back.
module Compaction
  KEEPS_PAGES = { "RUBY_GC_HEAP_FREE_SLOTS_MAX_RATIO" => "1.0" }.freeze

  # Like `it`.
  def it_compacts(text, &)
    return it(text, &) if Compaction.apart?

    it(text) { |example| Compaction.run_apart(example) }
  end

  # Whether this is a process that gives no page back.
  def self.apart?
    KEEPS_PAGES <= ENV.to_h
  end

  # Runs an example in such a process.
  def self.run_apart(example)
    command = [RbConfig.ruby, "-S", "rspec", example.id]
    output, status = Open3.capture2e(KEEPS_PAGES, *command, chdir: Command::ROOT)
    return if status.success? && output.match?(/^1 example, 0 failures/)

    raise RSpec::Expectations::ExpectationNotMetError, output
  end
end
