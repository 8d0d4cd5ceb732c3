# frozen_string_literal: true

module OverSIP
  module Log # rubocop:disable Style/Documentation -- see record.rb
    # Flushes the log and Ruby's standard streams. Their reader may have stopped, so each gets a second at most.
    def self.finish
      Logger.flush
      Thread.new do
        [$stdout, $stderr].each(&:flush)
      rescue SystemCallError, IOError
        # The reader has gone.
      end.join(Logger::FLUSH_LIMIT)
    end
  end
end
