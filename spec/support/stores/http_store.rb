# frozen_string_literal: true

require "net/http"
require "rbconfig"
require_relative "../ports"
require_relative "server_process"

module Stores
  # A web server with a resource for each user.
  class HttpStore
    PROGRAM = File.expand_path("http_server.rb", __dir__)

    def initialize
      @port = Ports.free
      @server = ServerProcess.new("http")
      @server.start(RbConfig.ruby, PROGRAM, @port.to_s) { control("release") }
    end

    def put(user, value)
      Net::HTTP.start("127.0.0.1", @port) { |http| http.put("/users/#{user}", value) }
    end

    def look_up(user)
      response = Net::HTTP.get_response(URI("http://127.0.0.1:#{@port}/users/#{user}"))
      response.body if response.is_a?(Net::HTTPOK)
    end

    def hold
      control("hold")
    end

    def release
      control("release")
    end

    def close
      @server.close
    end

    private

    def control(word)
      Net::HTTP.start("127.0.0.1", @port) { |http| http.put("/control", word) }
    end
  end
end
