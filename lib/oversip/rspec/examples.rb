# frozen_string_literal: true

module OverSIP
  module Testing
    # What examples with the metadata `:sip` have after `require "oversip/rspec"`: a {World} of their own, and {Matchers}.
    # Further metadata, of the group or of one example:
    #
    # - `script:` a file with the routing logic, or a Proc that gets each request
    # - `proxies:` and `configuration:` a file, or a Hash of what it would hold
    # - `seed:` a number for what is drawn: tags, branches, the choice among SRV records; 1 without it
    # - `ladder:` a file for the picture (SVG) of what happened
    #
    # Files are looked for in the working directory, beside the spec file and in the folders above it.
    #
    # An example fails by what the script raises, by what is raised inside of its blocks and of personas (expectations,
    # mocks, WebMock), and by a request to where nobody is. A failed example shows the ladder of its messages.
    #
    # @example
    #   RSpec.describe "server.rb", :sip, script: "server.rb", proxies: { default_proxy: { timer_C: 60 } } do
    #     it "relays to the gateway" do
    #       sip.target("gw1.example").answers 180, 200
    #       expect(sip.client(:alice).invite("sip:bob@gw1.example")).to be_answered.by("gw1.example")
    #     end
    #   end
    module Examples
      include Matchers

      # What groups of such examples have.
      module Groups
        # Gives the examples of this group an `on_request` without a file. It is evaluated in the example: `let` values can
        # be read in it. A block or a `script:` of an inner group replaces this one. In a group with a `script:` that is a
        # file, the block takes the place of the file's `on_request` alone.
        #
        # @example
        #   RSpec.describe "A refusal", :sip do
        #     sip_script { |request| request.reply 403 }
        #   end
        # @yieldparam request [SIP::Request]
        def sip_script(&block)
          raise ArgumentError, "sip_script needs a block" unless block

          metadata[:sip_script] = [block, metadata[:script]]
        end
      end

      # @api private
      attr_writer :sip

      # @return [World] of this example; each example has a new one
      # @raise [OverSIP::RuntimeError] outside of an example
      def sip
        @sip or raise OverSIP::RuntimeError, "there is no world here: `sip` is for examples with the metadata :sip, " \
                                             "their hooks for each example and their `let`"
      end

      # @api private
      def self.included(group)
        super
        group.extend(Groups)
      end

      private

      # RSpec's own memory of `let` values cannot be read by the blocks of a script.
      def __init_memoized
        super
        @__memoized = LetMemory.new
      end
    end
  end
end
