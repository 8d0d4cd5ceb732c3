# frozen_string_literal: true

# What `Bundler.require` asks for: the name of the gem.
require_relative "oversip"

# The `oversip` command has loaded the library before the application.
require "oversip/railtie" if defined?(Rails::Railtie)
