# frozen_string_literal: true

# The relay that script/bench measures: a block for every event, each of which counts.
module Counting
  COUNTS = Hash.new(0)

  def self.proxy
    proxy = OverSIP::SIP::Proxy.new
    proxy.on_provisional_response { |_| COUNTS[:provisional] += 1 }
    proxy.on_success_response { |_| COUNTS[:success] += 1 }
    proxy.on_failure_response { |_| COUNTS[:failure] += 1 }
    proxy.on_target { |_| COUNTS[:target] += 1 }
    proxy.on_error { |*| COUNTS[:error] += 1 }
    proxy
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

    def self.on_request(request)
      Counting::COUNTS[:request] += 1
      return unless request.check_max_forwards(10)

      if request.in_dialog?
        if request.loose_route
          Counting.proxy.route(request)
        elsif request.sip_method != :ACK
          request.reply 403, "In-dialog Request without Route to Here"
        end
      elsif request.sip_method != :ACK
        Counting.proxy.route(request, "127.0.0.1", CALLEE, request.transport)
      end
    end
  end
end
