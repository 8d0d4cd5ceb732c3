# frozen_string_literal: true

module OverSIP
  # What belongs to a Fiber and would be there for the next event that runs in it.
  #
  # @api private
  module FiberState
    # Fiber storage came with Ruby 3.2.
    STORAGE = Fiber.method_defined?(:storage)
    private_constant :STORAGE

    class << self
      # @param blocking [Boolean] whether a Fiber scheduler lets it alone
      # @return [Fiber] one that inherits nothing of whoever makes it
      def create(blocking: false, &block)
        STORAGE ? Fiber.new(blocking: blocking, storage: nil, &block) : Fiber.new(blocking: blocking, &block)
      end

      # Runs a block in which Ruby asks no Fiber scheduler: waits keep the thread.
      #
      # @return [Object] what it returns
      def blocking(&)
        Fiber.new(blocking: true, &).resume
      end

      # Clears the current Fiber's data, set by `Thread.current[:name] = …` and `Fiber[:name] = …`.
      #
      # @return [Boolean] false: a script has frozen the Thread, and the Fiber keeps what it has
      def clear
        thread = Thread.current
        names = thread.keys
        names.each { |name| thread[name] = nil } unless names.empty?
        clear_storage if STORAGE
        true
      rescue FrozenError
        false
      end

      # Runs a block in a Fiber that has data of its own, and removes the data that the block has added.
      def within
        names = Thread.current.keys
        stored = STORAGE ? Fiber.current.storage.to_h.keys : []
        yield
      ensure
        (Thread.current.keys - names).each { |name| Thread.current[name] = nil }
        (Fiber.current.storage.to_h.keys - stored).each { |name| Fiber[name] = nil } if STORAGE
      end

      private

      def clear_storage
        storage = Fiber.current.storage
        storage&.each_key { |name| Fiber[name] = nil }
      end
    end
  end
end
