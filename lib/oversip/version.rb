# frozen_string_literal: true

module OverSIP
  # The version of this gem, split as scripts read it.
  module Version
    MAJOR = 3
    MINOR = 0
    TINY = 0
    # Marks a pre-release; nil in a release.
    PRE = "alpha1"
  end

  PROGRAM_NAME = "OverSIP"
  VERSION = [Version::MAJOR, Version::MINOR, Version::TINY, Version::PRE].compact.join(".").freeze
  AUTHOR = "The oversip-rs authors"
  AUTHOR_EMAIL = ""
  HOMEPAGE = "https://rubygems.org/gems/oversip-rs"
  YEAR = "2026"
  DESCRIPTION = "#{PROGRAM_NAME} #{VERSION}\n#{HOMEPAGE}\n#{YEAR}, #{AUTHOR}".freeze
end
