# frozen_string_literal: true

require_relative "command"

# Ruby scripts that use the library, each in a process of its own.
module ChildScript
  # What no script may leave behind on its stderr.
  ABORTS = /\[BUG\]|panicked|SEGV|Aborted|deadlock|terminated with exception/i

  # What most of these scripts begin with: peers, and OverSIP on a free port.
  PRELUDE = <<~RUBY
    $stdout.sync = true
    require "oversip/testing"
    require "sip_peer"

    def start_oversip(**options)
      OverSIP.start(configuration: { core: { syslog_level: "error" }, sip: { listen_port: 0, enable_ipv6: false } }, **options)
    end

    def port
      OverSIP.configuration[:sip][:listen_port]
    end

    def on_request(&block)
      OverSIP::SipEvents.define_singleton_method(:on_request) { |request| block.call(request) }
    end

    # For ever, and without Ruby's finding that no thread could ever wake this one.
    def wait
      (@never ||= IO.pipe).first.read
    end

    def send_options
      uac, result = OverSIP::SIP::Uac.new, Thread::Queue.new
      uac.on_success_response { |response| result << response.status_code }
      uac.on_failure_response { |response| result << response.status_code }
      uac.on_error { |*error| result << error }
      uac.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1:\#{yield}" })
      result.pop
    end
  RUBY

  # @param environment [Hash{String => String}] beside the inherited one
  # @param on [Array<String>] what to put before the command
  # @yieldparam script [Command::Running]
  def running_script(text, environment: {}, on: [])
    folders = %w[lib spec/support].flat_map { |folder| ["-I", File.join(Command::ROOT, folder)] }
    script = Command::Running.new([*on, RbConfig.ruby, *folders, "-e", PRELUDE + text], environment: environment)
    yield script
  ensure
    script&.kill
  end

  # Runs a script to its end, which has a deadline.
  #
  # @return [Array] output and Process::Status
  def run_script(text, limit: 15, environment: {})
    running_script(text, environment: environment) { |script| end_of(script, limit: limit) }
  end

  # @return [Array] output and Process::Status
  def end_of(script, limit: 15)
    status = script.status(limit: limit)
    expect(script.output).not_to match(ABORTS)
    [script.output, status]
  end
end
