# frozen_string_literal: true

require_relative "../support/rails_application"

# Callbacks of a server in a Rails application, with the Rails of the system.
RSpec.describe "OverSIP in a Rails application", :native do
  include RailsApplication

  # Finds the user of a request, and says how many connections are leased while nothing else runs.
  def finding(query)
    <<~RUBY
      def (OverSIP::SipEvents).on_request(request)
        name = request.ruri.user
        return request.reply(200, ActiveRecord::Base.connection_pool.stat.values_at(:busy, :size).join(" ")) if name == "user0"

        user = #{query}
        request.reply 200, "\#{user.name} \#{user.code}"
      end
    RUBY
  end

  { "by OverSIP.await" => "OverSIP.await { User.named(name) }",
    "plainly" => "User.named(name)",
    "both ways in one block" => "User.find_by!(name: name) && OverSIP.await { User.named(name) } && User.find_by!(name: name)" }.each do |way, query|
    it "answers #{RailsApplication::USERS} requests from a pool of 5 connections, each with its own user: #{way}" do
      application(finding(query))
      serving_application do |server|
        numbers = 1..RailsApplication::USERS
        answers = ask_for(numbers)
        expect(answers.reject { |number, line| line == "SIP/2.0 200 user#{number} #{number * 7}" }).to be_empty
        # The callback that asks has leased none.
        expect(ask_for([0])).to eq(0 => "SIP/2.0 200 0 5")
        expect(server.output).not_to match(/ERROR|ConnectionTimeoutError/)
      end
    end
  end

  def greeting(word)
    RailsApplication::USER.sub("hello", word)
  end

  it "runs edited code in development, in blocks and in their work" do
    application(<<~RUBY, environment: "development")
      def (OverSIP::SipEvents).on_request(request)
        request.reply 200, "\#{User.greeting} \#{OverSIP.await { User.greeting }}"
      end
    RUBY
    serving_application do
      expect(ask_for([1])).to eq(1 => "SIP/2.0 200 hello hello")
      %w[hi welcome].each.with_index(2) do |word, number|
        write("app/models/user.rb", greeting(word))
        expect(ask_for([number])).to eq(number => "SIP/2.0 200 #{word} #{word}")
      end
    end
  end

  it "has an execution of its own for each block, which does not last while the block waits" do
    application(<<~RUBY)
      class Current < ActiveSupport::CurrentAttributes
        attribute :user
      end

      def (OverSIP::SipEvents).on_request(request)
        before = Current.user = request.ruri.user
        OverSIP.sleep 0.05
        request.reply 200, [before, Current.user.inspect, Rails.application.executor.active?,
                            OverSIP.await { Rails.application.executor.active? }].join(" ")
      end
    RUBY
    serving_application do |server|
      answers = ask_for(1..20, at_once: 20)
      expect(answers).to eq((1..20).to_h { |number| [number, "SIP/2.0 200 user#{number} nil true true"] }), server.output
    end
  end

  it "refuses to wait inside a transaction, whose connection other blocks would use" do
    application(<<~RUBY)
      def (OverSIP::SipEvents).on_request(request)
        return request.reply(200, OverSIP.await { User.transaction { User.named(request.ruri.user).name } }) if request.ruri.user == "user2"

        User.transaction { OverSIP.await { User.count } }
      end
    RUBY
    serving_application do |server|
      expect(ask_for(1..2)).to eq(1 => "SIP/2.0 500 Internal Error", 2 => "SIP/2.0 200 user2")
      server.wait_for(/a block waits inside a transaction of ActiveRecord.*put the whole transaction into OverSIP.await/)
    end
  end

  it "shows blocks in a world the records of the example's transaction" do
    application("")
    output, status = run_in_application(<<~RUBY)
      require "oversip/testing/world"
      User.connection.begin_transaction(joinable: false)
      User.create!(name: "carol", code: 1)
      world = OverSIP::Testing::World.open do |request|
        request.reply(200, [User.find_by!(name: "carol").name, OverSIP.await { User.find_by!(name: "carol").code }].join(" "))
      end
      print world.client(:alice).options("sip:bob@example.com").responses.last.reason_phrase
      world.close
      world.verify!
      User.connection.rollback_transaction
      print ", ", User.where(name: "carol").count
    RUBY
    expect(status).to be_success, output
    expect(output).to eq("carol 1, 0")
  end

  it "logs to the application's logger where a program loads the application" do
    application("")
    output, status = run_in_application(<<~RUBY)
      OverSIP::SipEvents.log_warn "a record"
      puts OverSIP.logger.equal?(Rails.logger)
    RUBY
    expect(status).to be_success, output
    expect(output).to eq("true\n")
    expect(File.read(in_folder("application.log"))).to include("<SipEvents> [user] a record")
  end

  it "refuses the Fiber scheduler, with what to do instead" do
    application("")
    output, status = run_in_application(<<~RUBY)
      require "active_record"
      OverSIP.start(configuration: { core: { fiber_scheduler: true }, sip: { listen_port: 0 } })
    RUBY
    expect(status).not_to be_success
    expect(output).to match(/core\[fiber_scheduler\] (?:cannot be used with ActiveRecord 6|with ActiveRecord \d\S+ needs .* :fiber).*use OverSIP.await for queries/)
  end

  it "answers from the pool under the Fiber scheduler, where Rails leases connections to Fibers" do
    skip "this Rails leases them to threads" unless RailsApplication.leases_to_fibers?
    application(finding("User.named(name)"), core: "fiber_scheduler: yes", settings: "config.active_support.isolation_level = :fiber")
    serving_application do |server|
      numbers = 1..400
      answers = ask_for(numbers)
      expect(answers.reject { |number, line| line == "SIP/2.0 200 user#{number} #{number * 7}" }).to be_empty
      expect(ask_for([0])).to eq(0 => "SIP/2.0 200 0 5")
      expect(server.output).not_to match(/ERROR|ConnectionTimeoutError/)
    end
  end
end
