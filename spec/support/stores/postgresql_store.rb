# frozen_string_literal: true

require "etc"
require "pg"
require_relative "../ports"
require_relative "server_process"

module Stores
  # PostgreSQL with a table of users.
  class PostgresqlStore
    # It does not run as root: Debian's package brings this user.
    USER = "postgres"
    AS_USER = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"].freeze

    def initialize
      @port = Ports.free
      @server = ServerProcess.new("postgresql")
      FileUtils.chown(USER, nil, @server.folder) if root?
      create_cluster
      @server.start(*command("postgres", "-D", data, "-p", @port.to_s, "-h", "127.0.0.1", "-k", @server.folder, "-c", "fsync=off")) do
        connected { |connection| connection.exec("SELECT 1") }
      end
      connected { |connection| connection.exec("CREATE TABLE users (name text PRIMARY KEY, value text)") }
    end

    def put(user, value)
      connected do |connection|
        connection.exec_params("INSERT INTO users VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2", [user, value])
      end
    end

    def look_up(user)
      connected { |connection| connection.exec_params("SELECT value FROM users WHERE name = $1", [user]).values.dig(0, 0) }
    end

    def hold
      @holder = PG.connect(**address)
      @holder.exec("BEGIN")
      @holder.exec("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
    end

    def release
      @holder&.close
      @holder = nil
    end

    def close
      @server.close
    end

    private

    def create_cluster
      initdb = command("initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync")
      system(*initdb, out: @server.log, err: @server.log) or raise "initdb failed:\n#{File.read(@server.log)}"
    end

    def data
      File.join(@server.folder, "data")
    end

    def command(name, *arguments)
      [*(AS_USER if root?), ServerProcess.program(name), *arguments]
    end

    def root?
      Process.uid.zero?
    end

    def address
      { host: "127.0.0.1", port: @port, user: USER, dbname: "postgres" }
    end

    def connected
      connection = PG.connect(**address)
      yield connection
    ensure
      connection&.close
    end
  end
end
