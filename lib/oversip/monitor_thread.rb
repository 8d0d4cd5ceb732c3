# frozen_string_literal: true

require "json"
require "oversip/deadline"

module OverSIP
  # A thread that answers what the monitor of the engine asks of Ruby on one topic. It waits without the interpreter's lock.
  # Each topic has a thread of its own: the state of Ruby is known while a ladder is drawn or a gauge's block runs.
  #
  # @api private
  class MonitorThread
    @topics = {}

    class << self
      # Says who answers the questions on a topic.
      #
      # @param topic [Symbol] that the engine asks on
      # @param name [String] of the thread
      # @yieldparam about [String] what the question is about; may be empty
      # @yieldreturn [String, nil] the answer; nil: there is none
      def on(topic, name, &answer)
        @topics[topic] = new(topic, name, answer)
      end

      # The engine has a monitor from now on.
      #
      # @param topics [Array<Symbol>] what it asks on
      def start(*topics)
        @topics.fetch_values(*topics).each(&:start)
      end

      # Ends all threads. The engine has ended: it asks nothing any more.
      #
      # @param limit [Numeric] seconds that answers under way may take
      def stop(limit)
        deadline = Deadline.new(limit)
        @topics.each_value { |thread| thread.stop(deadline) }
      end

      # Forgets the threads without touching them: after fork they do not exist in the child.
      def forget
        @topics.each_value(&:forget)
      end
    end

    # @param answer [#call]
    def initialize(topic, name, answer)
      @topic = topic
      @name = name
      @answer = answer
      @thread = nil
    end

    # The thread inherits the deferral: a kill that comes before it looks would find no `ensure`.
    def start
      Thread.handle_interrupt(Object => :never) do
        @thread = Thread.new { run }
        @thread.name = @name
      end
    end

    # @param deadline [Deadline]
    def stop(deadline)
      thread = @thread
      forget
      return if thread.nil? || thread == Thread.current || thread.join(deadline.left)

      thread.kill
      thread.join(deadline.left)
    end

    def forget
      @thread = nil
    end

    private

    def run
      over = Thread.handle_interrupt(Object => :immediate) do
        while (number, about = Engine.next_question(@topic))
          Engine.answer(@topic, number, answer(about))
        end
        true
      end
    ensure
      # Killed by a script: another thread answers as long as the engine runs.
      start if !over && @thread == Thread.current && Engine.running?
    end

    # Events do not wait until it has computed the answer.
    def answer(about)
      Engine.worker_begins
      begin
        @answer.call(about)
      rescue StandardError, ScriptError, SystemStackError => e
        Logger.record(:error, "monitor", "no answer to the monitor's question for #{@topic}: #{e.message} (#{e.class})",
                      [:monitor, @topic, e.class])
        nil
      ensure
        # A kill may come before there is a worker to end: it must not end another one's.
        Engine.worker_ends
      end
    end

    on(:state, "oversip monitor") do
      JSON.generate(stats: OverSIP.script_stats, limits: OverSIP.script_limits,
                    metric_failures: OverSIP.metrics.failures)
    end

    # The blocks compute on threads of their own: they count as long as they are waited for here.
    on(:gauges, "oversip gauges") do
      OverSIP.metrics.ask_gauges
      ""
    end
  end
end
