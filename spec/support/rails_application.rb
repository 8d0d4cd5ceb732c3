# frozen_string_literal: true

require "fileutils"
require_relative "server_folder"

# A small Rails application with a database, and an OverSIP server in it: `oversip --require ./config/environment`.
module RailsApplication
  def self.included(group)
    group.include(ServerFolder)
    group.before { skip "no Rails with SQLite for this Ruby" unless RailsApplication.installed? }
  end

  # @return [Boolean]
  def self.installed?
    %w[railties activerecord sqlite3].all? { |name| Gem::Specification.find_all_by_name(name).any? }
  end

  USERS = 2_000

  APPLICATION = <<~RUBY
    require "rails"
    require "active_record/railtie"
    require "oversip"

    class Directory < Rails::Application
      config.root = File.expand_path("..", __dir__)
      config.load_defaults 6.1
      config.eager_load = Rails.env.production?
      config.cache_classes = Rails.env.production?
      config.logger = ActiveSupport::Logger.new(File.join(config.root, "application.log"), level: :info)
      config.secret_key_base = "0" * 64
      # What an example sets.
    end
  RUBY

  # A pool of 5 connections, fewer than there are workers.
  DATABASE = <<~YAML
    %s:
      adapter: sqlite3
      database: users.sqlite3
      pool: 5
      checkout_timeout: 5
  YAML

  USER = <<~RUBY
    class User < ActiveRecord::Base
      # Others need the connection meanwhile.
      def self.named(name)
        find_by!(name: name).tap { sleep 0.001 }
      end

      def self.greeting = "hello"
    end
  RUBY

  # @return [Boolean] whether this Rails can lease connections to Fibers
  def self.leases_to_fibers?
    Gem::Specification.find_all_by_name("activerecord").any? { |found| found.version.segments.first >= 7 }
  end

  # @param script [String] server.rb
  # @param environment [String] of Rails
  # @param settings [String] further lines of config/application.rb
  # @param core [String] further parameters of the server
  def application(script, environment: "production", settings: "", core: "")
    @environment = { "RAILS_ENV" => environment }
    folder(script:, core:)
    %w[config app/models].each { |name| FileUtils.mkdir_p(in_folder(name)) }
    write("config/application.rb", APPLICATION.sub("# What an example sets.", settings))
    write("config/environment.rb", "require_relative \"application\"\nRails.application.initialize!\n")
    write("config/database.yml", format(DATABASE, environment))
    write("app/models/user.rb", USER)
    fill_database
  end

  # The server in that application, serving.
  def serving_application(&)
    serving("--require", in_folder("config/environment"), environment: @environment, &)
  end

  # @return [Array] what a program prints, and its status
  def run_in_application(program)
    Open3.capture2e(@environment, *ruby_command("-e", "require #{in_folder("config/environment").dump}\n#{program}"))
  end

  # Sends requests for users, some at a time.
  #
  # @return [Hash{Integer => String}] the status lines of the answers
  def ask_for(numbers, at_once: 40)
    left = [*numbers]
    socket = UDPSocket.new.tap { |udp| udp.connect("127.0.0.1", port) }
    left.shift(at_once).each { |number| ask(socket, number) }
    numbers.to_a.each_with_object({}) do |_, answers|
      text = receive(socket)
      answers[text[/^CSeq: (\d+)/i, 1].to_i] = text.lines.first.chomp
      ask(socket, left.shift) unless left.empty?
    end
  ensure
    socket&.close
  end

  private

  def fill_database
    require "sqlite3"
    SQLite3::Database.new(in_folder("users.sqlite3")) do |database|
      database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, code INTEGER)")
      database.transaction do
        (1..USERS).each { |number| database.execute("INSERT INTO users VALUES (?, ?, ?)", [number, "user#{number}", number * 7]) }
      end
    end
  end

  def ruby_command(*arguments)
    [RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"), *arguments]
  end

  def ask(socket, number)
    port = socket.addr[1]
    socket.send(<<~SIP.gsub("\n", "\r\n"), 0)
      OPTIONS sip:user#{number}@b.example SIP/2.0
      Via: SIP/2.0/UDP 127.0.0.1:#{port};branch=z9hG4bKr#{number}-#{port}
      Max-Forwards: 70
      From: <sip:alice@a.example>;tag=a
      To: <sip:bob@b.example>
      Call-ID: r#{number}-#{port}
      CSeq: #{number} OPTIONS
      Content-Length: 0

    SIP
  end

  def receive(socket)
    raise "no answer" unless socket.wait_readable(SipPeer::LIMIT)

    socket.recv(65_535)
  end
end
