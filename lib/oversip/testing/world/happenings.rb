# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # What the engine has done and no message shows, taken into the record: timers, targets that were tried, look-ups, the
      # blacklist.
      #
      # @api private
      class Happenings
        # @param native [Engine::World]
        # @param record [CallRecord]
        def initialize(native, record)
          @native = native
          @record = record
          @taken = 0
          @attempts = {}
          @calls = {}
        end

        # Takes what is new.
        def note
          @native.happenings(@taken).each do |at, kind, details|
            @taken += 1
            @calls[details[:branch]] ||= details[:call_id] if details[:branch]
            take(at, kind, details)
            Notifications.happened([[at, kind, details]])
          end
        end

        private

        def take(at, kind, details)
          case kind
          when :timer then @record.add(timer(at, details))
          when :attempt then begin_attempt(at, details)
          when :attempt_ended then @attempts.delete(details[:branch])&.outcome = details[:status] || details[:outcome]
          when :unanswered then @record.add(unanswered(at, details))
          when :resolved then @record.add(resolution(at, details))
          when :blacklisted then @record.add(CallRecord::Note.new(at:, text: "#{details[:target]} is blacklisted"))
          end
        end

        def unanswered(at, details)
          CallRecord::Unanswered.new(at:, **details.slice(:branch, :call_id), sip_method: details[:method])
        end

        def resolution(at, details)
          CallRecord::Resolution.new(at:, question: uri(details[:asked]), targets: details[:targets],
                                     call_id: details[:call_id])
        end

        # @param asked [Hash] the parts of a destination
        def uri(asked)
          scheme, host, port, transport = asked.values_at(:scheme, :host, :port, :transport)
          "#{scheme}:#{host}#{":#{port}" if port}#{";transport=#{transport}" if transport}"
        end

        def timer(at, details)
          CallRecord::Timer.new(at:, name: details[:name], sip_method: details[:method], branch: details[:branch],
                                call_id: details[:call_id] || @calls[details[:branch]])
        end

        def begin_attempt(at, details)
          attempt = CallRecord::Attempt.new(at:, target: details[:target], sip_method: details[:method],
                                            branch: details[:branch], call_id: details[:call_id])
          @attempts[details[:branch]] = @record.add(attempt)
        end
      end
    end
  end
end
