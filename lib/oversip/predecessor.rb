# frozen_string_literal: true

module OverSIP
  # The gem `oversip`, OverSIP 2. It has files, constants and an executable of the same names: the two cannot live in one
  # process, and `require "oversip"` finds that one where both are installed.
  #
  # @api private
  module Predecessor
    GEM = "oversip"

    class << self
      # @raise [LoadError] when the old gem is part of this process
      def refuse
        version = loaded or return

        raise LoadError, "the gem oversip #{version} is activated in this process, and oversip-rs has the same files and " \
                         "names: take it out of the Gemfile, or run `gem uninstall oversip`"
      end

      # @return [String, nil] what to do where both gems are installed
      def hint
        version = installed or return

        "the gem oversip #{version} is installed as well: `require \"oversip\"` in other programs finds that one, and its " \
          "next update replaces the command `oversip`. Please run `gem uninstall oversip`"
      end

      private

      def loaded
        Gem.loaded_specs[GEM]&.version if defined?(Gem)
      end

      def installed
        Gem::Specification.find_all_by_name(GEM).map(&:version).max if defined?(Gem)
      end
    end
  end
end
