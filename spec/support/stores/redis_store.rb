# frozen_string_literal: true

require "redis"
require_relative "../ports"
require_relative "server_process"

module Stores
  # Redis with a key for each user.
  class RedisStore
    def initialize
      @port = Ports.free
      @server = ServerProcess.new("redis")
      program = ServerProcess.program("redis-server")
      @server.start(program, "--port", @port.to_s, "--bind", "127.0.0.1", "--save", "", "--dir", @server.folder) { client(&:ping) }
    end

    def put(user, value)
      client { |redis| redis.set(user, value) }
    end

    def look_up(user)
      client { |redis| redis.get(user) }
    end

    # A Redis that holds all its clients would hold the one that ends that too.
    def hold
      @server.signal("STOP")
    end

    def release
      @server.signal("CONT")
    end

    def close
      @server.close
    end

    private

    def client
      redis = Redis.new(host: "127.0.0.1", port: @port, timeout: 60)
      yield redis
    ensure
      redis&.close
    end
  end
end
