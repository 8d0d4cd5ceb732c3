# frozen_string_literal: true

module OverSIP
  # A Mutex of the library's own that is held for moments only. An event that finds it taken keeps its turn: a log record,
  # for example, is no place at which a block lets others run.
  #
  # @api private
  class BriefMutex < Thread::Mutex
  end
end
