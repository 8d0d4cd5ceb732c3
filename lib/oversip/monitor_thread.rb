# frozen_string_literal: true

require "json"

module OverSIP
  # The thread that answers what the monitor of the engine asks of Ruby. It waits without the interpreter's lock.
  #
  # @api private
  module MonitorThread
    extend Logger

    @answers = {}
    @thread = nil
    @log_id = "monitor"

    class << self
      # Says who answers a kind of question.
      #
      # @param kind [Symbol]
      # @yieldparam about [String] what the question is about; may be empty
      # @yieldreturn [String, nil] the answer; nil: there is none
      def on(kind, &answer)
        @answers[kind] = answer
      end

      # The engine has a monitor from now on.
      def start
        spawn
      end

      # Ends the thread. The engine has ended: it asks nothing any more.
      #
      # @param limit [Numeric] seconds that an answer under way may take
      def stop(limit)
        thread = @thread
        @thread = nil
        return if thread.nil? || thread == Thread.current || thread.join(limit)

        thread.kill
        thread.join(limit)
      end

      # Forgets the thread without touching it: after fork it does not exist in the child.
      def forget
        @thread = nil
      end

      private

      # The thread inherits the deferral: a kill that comes before it looks would find no `ensure`.
      def spawn
        Thread.handle_interrupt(Object => :never) do
          @thread = Thread.new { run }
          @thread.name = "oversip monitor"
        end
      end

      def run
        over = Thread.handle_interrupt(Object => :immediate) do
          while (number, kind, about = Engine.next_question)
            Engine.answer(number, answer(kind, about))
          end
          true
        end
      ensure
        # Killed by a script: another thread answers as long as the engine runs.
        spawn if !over && @thread == Thread.current && Engine.running?
      end

      # Events do not wait until it has computed the answer.
      def answer(kind, about)
        Engine.worker_begins
        @answers.fetch(kind).call(about)
      rescue StandardError, ScriptError, SystemStackError => e
        Logger.record(:error, log_id, "no answer to the monitor's question for #{kind}: #{e.message} (#{e.class})",
                      [:monitor, kind, e.class])
        nil
      ensure
        Engine.worker_ends
      end
    end

    on(:status) { JSON.generate(OverSIP.script_stats) }

    on(:metrics) do
      OverSIP.metrics.ask_gauges
      JSON.generate(stats: OverSIP.script_stats, limits: OverSIP.script_limits)
    end
  end
end
