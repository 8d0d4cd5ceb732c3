# frozen_string_literal: true

# What the engine keeps of its last calls.
module OverSIP
  class << self
    # The last calls of the engine of this process, as the section `trace` of oversip.conf lets it keep them: messages of
    # both sides, blocks with their time and exceptions, targets, look-ups, timers. See `docs/call-records.md`.
    #
    # Ruby reads them: about a millisecond for each call that the engine hands out, which are all that it keeps unless a
    # `call_id`, or nothing but `last`, is given.
    #
    # @example The ladder of the last call that has failed
    #   require "oversip/call_record"
    #   puts OverSIP::CallRecord::TextLadder.new(OverSIP.trace(failed: true, last: 1))
    # @param call_id [String, nil]
    # @param last [Integer, nil] so many calls: those that began last; when it is given alone, those of which the newest is
    #   known
    # @param failed [Boolean, nil] whether the call has failed, see {CallRecord::Call#failed?}
    # @param to [String, nil] user of To or of a Request-URI, see {CallRecord::Call#to?}
    # @param slow [Numeric, nil] seconds, see {CallRecord::Call#slow?}
    # @param unredacted [Boolean] with what {CallRecord::Redaction} takes out: credentials, passwords, keys of media, bodies
    #   other than SDP
    # @yieldparam call [CallRecord::Call] whatever else is asked of it
    # @yieldreturn [Boolean]
    # @return [CallRecord] its clock stands at 0 when the engine's trace began, see {CallRecord#began_at}
    # @raise [OverSIP::RuntimeError] the engine does not run, or keeps no trace
    # @raise [TypeError] an argument is of another type
    # @raise [ArgumentError] a number is negative
    def trace(call_id: nil, last: nil, failed: nil, to: nil, slow: nil, unredacted: false, &block)
      require "oversip/call_record"
      wanted = { call_id: call_id, last: last, failed: failed, to: to, slow: slow }
      CallRecord.new.select(**wanted) # says what is wrong with them
      newest = last if wanted.compact.size == 1 && block.nil?
      rows = Engine.trace_rows(newest, call_id, nil)
      record = CallRecord::TraceReader.new.read(rows).record.select(**wanted, &block)
      unredacted ? record : CallRecord::Redaction.new.call(record)
    end
  end
end
