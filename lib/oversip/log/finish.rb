# frozen_string_literal: true

module OverSIP
  module Log # rubocop:disable Style/Documentation -- see record.rb
    # Writes what the log and Ruby's own streams still hold. Somebody may have stopped reading them for good, so each has a
    # second at most.
    def self.finish
      Logger.flush
      Thread.new do
        [$stdout, $stderr].each(&:flush)
      rescue SystemCallError, IOError
        # Nobody reads any more.
      end.join(Logger::FLUSH_LIMIT)
    end
  end
end
