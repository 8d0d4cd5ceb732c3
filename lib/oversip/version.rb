# frozen_string_literal: true

module OverSIP
  # The version of this gem, split as scripts read it.
  module Version
    # First number.
    MAJOR = 3
    # Second number.
    MINOR = 0
    # Third number.
    TINY = 0
    # Marks a pre-release; nil in a release.
    PRE = "alpha1"
  end

  # Stands in Server and User-Agent headers, before the version.
  PROGRAM_NAME = "OverSIP"
  # The version of this gem.
  VERSION = [Version::MAJOR, Version::MINOR, Version::TINY, Version::PRE].compact.join(".").freeze
  # Who made it.
  AUTHOR = "The oversip-rs authors"
  # Empty: see {HOMEPAGE}.
  AUTHOR_EMAIL = ""
  # Where it is to be had.
  HOMEPAGE = "https://rubygems.org/gems/oversip-rs"
  # When.
  YEAR = "2026"
  # What `oversip --version` shows.
  DESCRIPTION = "#{PROGRAM_NAME} #{VERSION}\n#{HOMEPAGE}\n#{YEAR}, #{AUTHOR}".freeze
end
