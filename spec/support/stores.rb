# frozen_string_literal: true

require_relative "stores/http_store"
require_relative "stores/postgresql_store"
require_relative "stores/redis_store"

# Real servers that a script asks, each a child process of the specs. All of them have `put(user, value)`, `look_up(user)`, which
# is what a block of a script calls, `hold`, which lets look-ups wait, and `release`, which ends that.
module Stores
  CLASSES = { redis: RedisStore, postgresql: PostgresqlStore, http: HttpStore }.freeze

  @running = {}

  # @return [RedisStore, PostgresqlStore, HttpStore] the same one for all examples of a process
  def self.fetch(name)
    @running[name] ||= CLASSES.fetch(name).new.tap { |store| at_exit { store.close } }
  end
end
