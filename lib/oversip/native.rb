# frozen_string_literal: true

require "rbconfig"

module OverSIP
  # Loads the extension from the folder named after the present version of Ruby. An extension for another version would
  # crash.
  #
  # @api private
  module Native
    # The version of Ruby's binary interface.
    RUBY = RbConfig::CONFIG.fetch("ruby_version")
    # What `require` is told.
    FEATURE = "oversip_rs/#{RUBY}/oversip_rs".freeze

    class << self
      # @raise [LoadError] that says what to do where there is no extension for this Ruby
      def load
        require FEATURE
      rescue LoadError => e
        raise unless e.path == FEATURE

        raise LoadError, complaint(others), e.backtrace
      end

      private

      # @return [Array<String>] the versions of Ruby that there are extensions for
      def others
        folders = $LOAD_PATH.map { |folder| File.join(folder.to_s, "oversip_rs") }
        built = Dir[*folders.map { |folder| File.join(folder, "*", "oversip_rs.{so,bundle}") }]
        built.map { |path| File.basename(File.dirname(path)) }.uniq.sort
      end

      def complaint(others)
        state = others.empty? ? "is not built" : "was built for Ruby #{others.join(" and ")}"
        "the extension of oversip-rs #{state}, and this is Ruby #{RUBY}: please run `gem pristine oversip-rs` with this " \
          "Ruby, or `rake compile` in a checkout"
      end
    end
  end
end

OverSIP::Native.load
