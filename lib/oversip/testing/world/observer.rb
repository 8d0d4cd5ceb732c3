# frozen_string_literal: true

require "oversip/deadline"
require "oversip/source_place"
require "oversip/testing/world/block_subject"

module OverSIP
  module Testing
    class World
      # Sees each block of the script run: when, where, how long, and what it raises. The dispatcher rescues what scripts
      # raise; here it is kept, so that it fails the example.
      #
      # @api private
      class Observer
        ENDED = "a block, or work of OverSIP.await or OverSIP.async, has killed its thread (Thread.exit, Thread#kill), " \
                "which in a world is that of the example, or has called exit"
        private_constant :ENDED

        # A block that runs.
        Run = Struct.new(:at, :began, :event, :subject, :arguments, :callable, :took, :exception)
        private_constant :Run

        # @return [Array<Exception>] what blocks have raised, in that order
        attr_reader :raised

        # @param world [World]
        # @param on_request [Proc, nil] the block of the spec that takes the place of the script's `on_request`
        def initialize(world, on_request)
          @world = world
          @on_request = on_request
          @raised = []
          @runs = Hash.new { |runs, fiber| runs[fiber] = [] }.compare_by_identity
        end

        # Runs a block in its place.
        #
        # @return [Object] what it returns
        def call(event, subject, arguments, callable)
          @last = run = Run.new(@world.now, Deadline.now, event, subject, arguments, callable)
          enter(run)
          yield
        rescue Exception => e # rubocop:disable Lint/RescueException -- expectations and mocks raise Exceptions; raised again
          keep(e)
          run.exception = e
          raise
        ensure
          run.took = Deadline.now - run.began
          leave(run)
        end

        # @return [String] the block that has begun last, for a message
        def last_block
          return "none" unless @last

          file, line = source(@last)
          "#{@last.event}#{" (#{file}:#{line})" if file}"
        end

        # Blocks that still wait when the world is closed are no failure.
        #
        # @param exception [Exception] of a block of the script or of a persona
        def keep(exception)
          return if Dispatcher.stopped?(exception)
          # It would end the specs with success.
          return @raised << OverSIP::RuntimeError.new(ENDED) if Dispatcher::WorldFibers.success?(exception)

          @raised << exception unless @raised.any? { |other| other.equal?(exception) }
        end

        private

        # What was sent before a block is recorded before it, what it sends is recorded behind it. A block may run in another
        # one, as `on_target` does in `route`, in the same Fiber.
        def enter(run)
          fiber = Fiber.current
          @world.note_sent unless @runs.key?(fiber)
          @runs[fiber] << run
        end

        # The outermost block is the first one of its Fiber.
        def leave(run)
          fiber = Fiber.current
          @runs.delete(fiber).each { |ended| note(ended) } if @runs[fiber].first.equal?(run)
        end

        def source(run)
          SourcePlace.of((run.event == :on_request && @on_request) || run.callable)
        end

        def note(run)
          file, line = source(run)
          subject = BlockSubject.of(run.event, run.subject, run.arguments)
          @world.note_event(
            CallRecord::Block.new(at: run.at, event: run.event, subject: subject, args: run.arguments, file: file,
                                  line: line, duration: run.took, exception: run.exception, call_id: call_id(run))
          )
        end

        def call_id(run)
          known = [run.subject, *run.arguments].find { |object| object.respond_to?(:call_id) }
          known ||= run.subject.request if run.subject.respond_to?(:request)
          known&.call_id
        rescue StandardError
          nil
        end
      end
    end
  end
end
