# frozen_string_literal: true

# What `Bundler.require` asks for: the name of the gem.
require_relative "oversip"
