# frozen_string_literal: true

require "oversip/call_record"
require "oversip/errors"

module OverSIP
  class CommandLine
    # Which calls of a trace are meant. When nothing is said: the newest INVITE with what belongs to it, and where there is
    # none, the newest of whatever there is.
    #
    # @api private
    class TraceChoice
      # @return [String, nil]
      attr_reader :call_id

      # @param values [MonitorOptions::Values]
      # @param call_id [String, nil] a Call-ID or its beginning, as the command shows it
      def initialize(values, call_id)
        @values = values
        @call_id = call_id
      end

      # @return [Boolean] whether nothing is asked of the calls
      def newest?
        [@call_id, @values.last, @values.failed, @values.to, @values.slow, @values.sip_method].none? && @values.form != :list
      end

      # @return [Hash] what of it the server can choose
      def query
        return { call_id: @call_id } if @call_id
        return { last: @values.last } if @values.last && [@values.failed, @values.to, @values.slow, @values.sip_method].none?

        {}
      end

      # @param reader [CallRecord::TraceReader]
      # @return [CallRecord] empty when there is no such call
      # @raise [OverSIP::RuntimeError] the beginning of a Call-ID is that of several
      def of(reader)
        record = reader.record
        return record.for(newest(record.summaries)) if newest? && !record.empty?

        record.select(call_id: @call_id && named(record), failed: @values.failed, to: @values.to, slow: @values.slow,
                      last: @values.last) { |call| of_method?(call) }
      end

      # @param record [CallRecord] the newest call
      # @return [Boolean] whether no other one is better
      def best?(record)
        record.summaries.first&.sip_method == :INVITE
      end

      # @param call [CallRecord::Call]
      # @return [Boolean] whether a call that goes on is meant; the number of calls does not count
      def include?(call)
        (@call_id.nil? || named?(call.call_id)) && (@values.failed.nil? || call.failed?) &&
          (@values.to.nil? || call.to?(@values.to)) && (@values.slow.nil? || call.slow?(@values.slow)) && of_method?(call)
      end

      private

      def of_method?(call)
        @values.sip_method.nil? || call.sip_method == @values.sip_method
      end

      def newest(calls)
        (calls.reverse_each.find { |call| call.sip_method == :INVITE } || calls.last).call_id
      end

      # Bytes that a terminal does not show were typed as they were shown.
      def shown(call_id)
        CallRecord::Visible.of(call_id)
      end

      def named?(call_id)
        call_id == @call_id || shown(call_id).start_with?(@call_id)
      end

      def named(record)
        ids = record.calls.keys
        return @call_id if ids.include?(@call_id)

        found = ids.select { |call_id| named?(call_id) }
        return found.first || @call_id if found.size < 2

        raise OverSIP::RuntimeError, "#{found.size} Call-IDs begin so: #{found.first(5).map { |id| shown(id) }.join(", ")}" \
                                     "#{" …" if found.size > 5}"
      end
    end
  end
end
