# frozen_string_literal: true

require "socket"
require_relative "../support/server_folder"

# What docs/migration.md has in place of modules that need EventMachine, run as it stands there. The data bases' gems are played
# by files of the same names.
RSpec.describe "The recipes of docs/migration.md", :native do
  include ServerFolder

  let(:alice) { udp_peer }
  let(:recipes) do
    File.read(File.join(Command::ROOT, "docs/migration.md")).split(/^##+ /).to_h do |part|
      [part.lines.first.chomp, part[/^```ruby\n(.*?)^```/m, 1]]
    end
  end

  # What a data base does: it knows bob, loses the connection for carol, has no answer for erin and one of no use for frank,
  # and lets those wait who ask for dave.
  def knowing_bob(error)
    <<~RUBY
      module Answers
        def self.for(name)
          case name
          when "bob" then [{ "domain" => "127.0.0.77" }]
          when "carol" then raise #{error}, "connection lost"
          when "erin" then raise NotImplementedError, "no answer"
          when "frank" then [nil].fetch(1)
          when "dave" then (sleep 0.01 until File.exist?(#{in_folder("go").dump})) || []
          else []
          end
        end

        def self.note(word) = File.write(#{in_folder("connections").dump}, "\#{word}\\n", mode: "a")
      end
    RUBY
  end

  def serve(recipe, library: nil, error: nil, text: "", &block)
    Dir.mkdir(in_folder("lib"))
    write("lib/#{library}.rb", text + knowing_bob(error)) if library
    write("pool.rb", recipes.fetch("Data bases"))
    folder(script: recipe)
    out, error, = oversip("check", @dir, "-I", in_folder("lib"))
    expect([error, out]).to eq(["", "#{@dir}: nothing is wrong\n"])
    serving("-I", in_folder("lib"), &block)
  end

  def ask(name)
    alice.send_text(alice.build(:OPTIONS, "sip:x@b.example", headers: { "From" => "<sip:#{name}@a.example>;tag=#{name}" }), port)
  end

  # The recipe with a pool of two, and a port for the host that the data base names.
  def by_a_pool(name, callee, **database)
    recipe = recipes.fetch(name).sub("Pool.new(5", "Pool.new(2").sub('rows.first["domain"]', "\\0, #{callee.port}")
    serve(recipe, **database) { |server| expect_answers_by_a_pool(server, callee, database.fetch(:error)) }
  end

  def connections
    File.readlines(in_folder("connections"), chomp: true).tally
  end

  def expect_answers_by_a_pool(server, callee, error)
    ask("dave")
    ask("nobody") # is answered meanwhile
    expect([alice.receive_final.status, alice.receive?(0)]).to eq([404, nil])
    ask("bob")
    callee.answer(callee.receive, 200)
    expect(alice.receive_final.status).to eq(200)
    { "erin" => /no answer \(NotImplementedError\)/, "frank" => /index 1 outside.* \(IndexError\)/ }.each do |name, text|
      3.times { (ask(name) || true) && expect(alice.receive_final.status).to(eq(500)) }
      server.wait_for(text)
    end
    expect(connections).to eq("opened" => 2)
    ask("carol")
    expect(alice.receive_final.status).to eq(500)
    server.wait_for(/connection lost \(#{error}\)/)
    ask("nobody")
    expect([alice.receive_final.status, connections]).to eq([404, { "opened" => 3, "closed" => 1 }])
    write("go", "")
    expect(alice.receive_final.status).to eq(404)
  end

  it "ask MySQL" do
    client = <<~RUBY
      module Mysql2
        class Error < StandardError; end
        Statement = Struct.new(:sql) { def execute(name) = Answers.for(name).each }
        class Client
          def initialize(host:, username:, password:, database:) = Answers.note("opened")
          def close = Answers.note("closed")
          def prepare(sql) = Statement.new(sql)
        end
      end
    RUBY
    by_a_pool("MySQL", udp_peer("127.0.0.77"), library: "mysql2", error: "Mysql2::Error", text: client)
  end

  it "ask PostgreSQL" do
    client = <<~RUBY
      module PG
        def self.connect(host:, user:, password:, dbname:) = Connection.new
        class Error < StandardError; end
        class Connection
          def initialize = Answers.note("opened")
          def close = Answers.note("closed")
          def exec_params(sql, values) = Answers.for(*values).each
        end
      end
    RUBY
    by_a_pool("PostgreSQL", udp_peer("127.0.0.77"), library: "pg", error: "PG::Error", text: client)
  end

  it "ask a web server, and wait" do
    web = TCPServer.new("127.0.0.1", 0)
    pages = { "/users/bob" => "200 OK", "/users/eve" => "404 Not Found" }
    answering = Thread.new do
      loop do
        client = web.accept
        status = pages.fetch(client.gets[/GET (\S+)/, 1])
        nil until client.gets == "\r\n"
        client.write("HTTP/1.1 #{status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        client.close
      end
    end
    recipe = recipes.fetch("em-synchrony").sub("127.0.0.1:8080", "127.0.0.1:#{web.local_address.ip_port}")
    serve(recipe.sub("in_thread {", "in_thread { raise NotImplementedError if request.from.user == 'erin';")) do
      { "bob" => 200, "eve" => 404, "erin" => 500 }.each do |name, status|
        ask(name)
        expect(alice.receive_final.status).to eq(status)
      end
    end
  ensure
    answering&.kill
    web&.close
  end
end
