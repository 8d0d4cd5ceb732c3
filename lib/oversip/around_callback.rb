# frozen_string_literal: true

require "oversip/brief_mutex"
require "oversip/callback_event"
require "oversip/source_place"

# Blocks around the callbacks of scripts.
module OverSIP
  # The blocks that stand around each callback of a script, and the observer of a world. While there are any, the engine
  # calls {AroundCallback.call} in the place of a callback; else it knows nothing of this module.
  #
  # @api private
  module AroundCallback
    extend Logger

    # A block, the file that has registered it, and whether server.rb was being loaded then.
    Wrapper = Struct.new(:callable, :file, :of_script)

    @wrappers = @chain = [].freeze
    @innermost = @observer = nil
    @lock = BriefMutex.new

    class << self
      # @return [Array<Wrapper>] frozen, the outermost first
      attr_reader :wrappers

      # Takes a block into the list: as the innermost one, or in the place of the one that it replaces, see {reloading}.
      #
      # @param callable [#call]
      # @param file [String] where this was asked for
      def register(callable, file)
        @lock.synchronize do
          wrapper = Wrapper.new(callable, file, !@script_thread.nil? && @script_thread.equal?(Thread.current))
          place = wrapper.of_script && @former&.index { |former| former&.file == file }
          @former[place] = nil if place
          use(place ? wrappers.dup.tap { |list| list[place] = wrapper } : [*wrappers, wrapper])
        end
      end

      # @return [Boolean] whether it takes two arguments, as far as that is known
      def fits?(callable)
        return true if callable.is_a?(Proc) && !callable.lambda?

        arity = (callable.is_a?(Proc) || callable.is_a?(Method) ? callable : callable.method(:call)).arity
        arity.negative? ? arity >= -3 : arity == 2
      end

      # server.rb is loaded by the block: what it registers at its top level belongs to it.
      def loading
        former = @script_thread
        @script_thread = Thread.current
        yield
      ensure
        @script_thread = former
      end

      # server.rb is loaded once more by the block. What a file registers meanwhile takes the place of what that file
      # registered in the former load, and what server.rb does not register any more is gone. After an exception all is as
      # before.
      #
      # @param script [String] its path
      def reloading(script, &)
        before = wrappers
        @former = before.map { |wrapper| wrapper if wrapper.of_script }
        loading(&)
        left = @former.compact.select { |wrapper| wrapper.file == script }
        use(wrappers.reject { |wrapper| left.any? { |other| other.equal?(wrapper) } })
      rescue Exception # rubocop:disable Lint/RescueException -- raised again: only the list is ours
        use(before) if before
        raise
      ensure
        @former = nil
      end

      # @param list [Array<Wrapper>] in place of all
      def replace(list)
        use(list)
      end

      # @param callable [#call, nil] of the library: stands around the callback itself, within all blocks
      def innermost=(callable)
        @lock.synchronize do
          @innermost = callable && Wrapper.new(callable, __FILE__, false)
          use(wrappers)
        end
      end

      # @param observer [#call, #keep, nil] of a world: it sees each callback that runs, and what is raised around it
      def observer=(observer)
        @observer = observer
        tell_engine
      end

      # The engine's entry for a callback, see {Dispatcher.observed}.
      #
      # @return [Object] what the outermost block returned
      def call(name, subject, arguments, callable, &block)
        observer = @observer
        block = seen(observer, [name, subject, arguments, callable], block) if observer
        run(name, subject, arguments, &block)
      rescue Exception => e # rubocop:disable Lint/RescueException -- raised again: a world has to know of it
        observer&.keep(e)
        raise
      end

      # An exception of the script outside of callbacks: a world has to know of it.
      def keep(exception)
        @observer&.keep(exception)
      end

      # Runs a callback of the server itself, which the engine does not know.
      #
      # @param name [Symbol]
      # @param subject [Module]
      # @param callable [#call]
      def run(name, subject, arguments = [], callable = nil, &block)
        block ||= -> { callable.call(*arguments) }
        list = @chain
        list.empty? ? block.call : pass(CallbackEvent.new(name, subject, arguments), list, 0, block)
      end

      private

      def use(list)
        @wrappers = list.freeze
        @chain = [*list, @innermost].compact.freeze
        tell_engine
      end

      def tell_engine
        Engine.observe_blocks(@chain.empty? ? @observer : self)
      end

      def seen(observer, arguments, block)
        -> { observer.call(*arguments, &block) }
      end

      # Calls the wrapper of this number, which calls the next one by its `run`.
      def pass(event, list, number, block)
        wrapper = list[number] or return block.call
        thread = Thread.current
        state = :waits
        run = lambda do
          refuse(state, thread)
          state = :called
          pass(event, list, number + 1, block)
        end
        value = wrapper.callable.call(event, run)
        tell_skipped(event, wrapper) if state == :waits
        value
      ensure
        state = :over
      end

      def refuse(state, thread)
        raise OverSIP::RuntimeError, "run of around_callback was called twice: a callback runs once" if state == :called
        raise OverSIP::RuntimeError, "run of around_callback was called after its block had ended" if state == :over
        return if thread == Thread.current

        raise OverSIP::RuntimeError, "run of around_callback was called in another thread than its block"
      end

      def tell_skipped(event, wrapper)
        place = source(wrapper.callable) || wrapper.file
        Logger.record(:warn, log_id, "#{event} did not run: the block of around_callback at #{place} has not called run",
                      [:skipped, event.name, place])
      end

      def source(callable)
        callable = callable.method(:call) unless callable.respond_to?(:source_location)
        SourcePlace.of(callable)&.join(":")
      end
    end
  end

  class << self
    # Registers a block that stands around each callback from now on: event methods, blocks of Clients, blocks of {schedule},
    # {SystemCallbacks}. It runs in the Fiber of the event and calls `run.call` once; what the callback raises comes out of
    # that. Without that call the callback does not run, and the log says so. The block registered first is the outermost.
    #
    # Registered at the top level of server.rb it replaces the one of the former load at each reload.
    #
    # @example
    #   OverSIP.around_callback do |event, run|
    #     run.call
    #   rescue StandardError => e
    #     Tracker.notify(e, call_id: event.request&.call_id)
    #     raise
    #   end
    # @param callable [#call, nil] in place of the block
    # @yieldparam event [CallbackEvent]
    # @yieldparam run [Proc] runs the callback, or the next such block; returns what that returns. It raises
    #   {OverSIP::RuntimeError} when it is called a second time, in another thread, or after the end of the block
    # @return [nil]
    # @raise [ArgumentError] there is no block, or it does not take two arguments
    def around_callback(callable = nil, &block)
      chosen = callable || block
      raise ArgumentError, "no block given" unless chosen.respond_to?(:call)
      unless AroundCallback.fits?(chosen)
        raise ArgumentError, "around_callback calls its block with two arguments: event and run"
      end

      AroundCallback.register(chosen, caller_locations(1, 1).first.path)
      nil
    end
  end
end
