# frozen_string_literal: true

# Real servers that a script asks, each a child process of the specs. All of them have `put(user, value)`, `look_up(user)`, which
# is what a block of a script calls, `hold`, which lets look-ups wait, and `release`, which ends that.
module Stores
  # Those whose library there is for this Ruby.
  CLASSES = { redis: "RedisStore", postgresql: "PostgresqlStore", http: "HttpStore" }.filter_map do |name, made|
    require_relative "stores/#{name}_store"
    [name, const_get(made)]
  rescue LoadError
    nil
  end.to_h.freeze

  @running = {}

  # @return [RedisStore, PostgresqlStore, HttpStore] the same one for all examples of a process
  def self.fetch(name)
    @running[name] ||= CLASSES.fetch(name).new.tap { |store| at_exit { store.close } }
  end
end
