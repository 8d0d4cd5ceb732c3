# frozen_string_literal: true

# The relay that script/bench measures. Its environment says what it does beside relaying:
#
# CALLEE_PORT       port of 127.0.0.1 that initial requests go to
# CALLEE_TRANSPORT  the transport to it; without it, that of the request
# BLOCKS            "every": a block for every event, each of which counts; "request": no block but on_request
# SLOW_BLOCK_MS     milliseconds that on_request computes once a second, for one INVITE
# WAITING           how the block of an OPTIONS waits for a second before it answers: "await" or "sleep"; "no": it
#                   answers at once; "computing": so too, while a thread of the pool computes all the time
module Counting
  COUNTS = Hash.new(0)
  EVERY = ENV.fetch("BLOCKS", "every") == "every"

  def self.proxy
    proxy = OverSIP::SIP::Proxy.new
    return proxy unless EVERY

    proxy.on_provisional_response { |_| COUNTS[:provisional] += 1 }
    proxy.on_success_response { |_| COUNTS[:success] += 1 }
    proxy.on_failure_response { |_| COUNTS[:failure] += 1 }
    proxy.on_target { |_| COUNTS[:target] += 1 }
    proxy.on_error { |*| COUNTS[:error] += 1 }
    proxy
  end
end

# A block that computes in Ruby for some milliseconds, once a second.
module SlowBlock
  SECONDS = ENV.fetch("SLOW_BLOCK_MS", "0").to_i / 1000.0
  @next = now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  @sum = now.to_i

  def self.run
    now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    return if now < @next

    @next = now + 1
    @sum = (@sum * 31) % 1_000_003 while Process.clock_gettime(Process::CLOCK_MONOTONIC) < now + SECONDS
  end
end

# What the block of an OPTIONS does before it answers.
module WaitingBlock
  WAITING = ENV.fetch("WAITING", "no")

  # @return [void]
  def self.run
    case WAITING
    when "await" then OverSIP.await { Kernel.sleep 1 }
    when "sleep" then sleep 1
    when "computing" then @computing ||= OverSIP.async { loop { @sum = (@sum.to_i * 31) % 1_000_003 } }
    end
  end
end

module OverSIP
  # Tells script/bench that calls may come.
  module SystemEvents
    def self.on_started
      $stdout.puts "ready"
      $stdout.flush
    end
  end

  # Initial requests go to the callee, the others along their Routes.
  module SipEvents
    CALLEE = Integer(ENV.fetch("CALLEE_PORT"))
    CALLEE_TRANSPORT = ENV["CALLEE_TRANSPORT"]&.to_sym

    def self.on_request(request)
      Counting::COUNTS[:request] += 1
      return unless request.check_max_forwards(10)
      return answer(request) if request.sip_method == :OPTIONS

      if request.in_dialog?
        if request.loose_route
          Counting.proxy.route(request)
        elsif request.sip_method != :ACK
          request.reply 403, "In-dialog Request without Route to Here"
        end
      elsif request.sip_method != :ACK
        SlowBlock.run if SlowBlock::SECONDS.positive?
        Counting.proxy.route(request, "127.0.0.1", CALLEE, CALLEE_TRANSPORT || request.transport)
      end
    end

    def self.answer(request)
      WaitingBlock.run
      request.reply 200
    end
  end
end
