# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # What the engine has done and no message shows, taken into the record: timers, targets that were tried, look-ups, the
      # blacklist, who has answered, what a block has kept back.
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
          @waiting = []
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

        # Who has made a response stands right before it, and what happened after it stands behind it.
        #
        # @param message [CallRecord::Message] that goes into the record next
        def note_before(message)
          return if @waiting.empty?

          add_first { |_, status| status.nil? }
          index = @waiting.index { |note, status| status && answers?(message, note, status) } or return
          @waiting.shift(index + 1).each { |event, _| @record.add(event) }
        end

        # What is left, also of responses that did not leave.
        def note_rest
          add_first { true }
        end

        private

        def take(at, kind, details)
          case kind
          when :timer then add(timer(at, details))
          when :attempt then begin_attempt(at, details)
          when :attempt_ended then @attempts.delete(details[:branch])&.outcome = details[:status] || details[:outcome]
          when :unanswered then add(unanswered(at, details))
          when :resolved then add(resolution(at, details))
          else add_note(at, kind, details)
          end
        end

        def add_note(at, kind, details)
          text = note_on(kind, details) or return
          note = CallRecord::Note.new(at:, text:, call_id: details[:call_id])
          kind == :answered ? @waiting << [note, details[:status]] : add(note)
        end

        # Behind a response that goes into the record later, so does this.
        def add(event)
          @waiting.empty? ? @record.add(event) : @waiting << [event, nil]
          event
        end

        def add_first(&)
          first = @waiting.take_while(&)
          @waiting.shift(first.size).each { |event, _| @record.add(event) }
        end

        def answers?(message, note, status)
          message.sender == @record.element && message.status_code == status && message.call_id == note.call_id
        end

        # @return [String, nil] nil for what shows itself
        def note_on(kind, details)
          target, status, by = details.values_at(:target, :status, :by)
          case kind
          when :answered then CallRecord::NoteTexts.answered(status, by, @record.element)
          when :dropped_response then CallRecord::NoteTexts.dropped_response(status)
          when :blacklisted then CallRecord::NoteTexts.blacklisted(target)
          when :passed_over then CallRecord::NoteTexts.passed_over(target)
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
          @attempts[details[:branch]] = add(attempt)
        end
      end
    end
  end
end
