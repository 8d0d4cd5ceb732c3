# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require_relative "../support/server_folder"

# OverSIP 2 is the gem `oversip`: who moves from it has it installed.
RSpec.describe "The gem of OverSIP 2" do
  include ServerFolder

  # A folder of gems that has nothing but the old gem.
  def gem_home
    @gem_home ||= in_folder("gems").tap do |home|
      FileUtils.mkdir_p([File.join(home, "specifications"), File.join(home, "gems", "oversip-2.0.4", "lib")])
      File.write(File.join(home, "gems", "oversip-2.0.4", "lib", "oversip.rb"), "module OverSIP; OLD = true; end\n")
      File.write(File.join(home, "specifications", "oversip-2.0.4.gemspec"), <<~RUBY)
        Gem::Specification.new do |spec|
          spec.name, spec.version, spec.summary, spec.authors = "oversip", "2.0.4", "the old one", ["somebody"]
          spec.files, spec.require_paths = ["lib/oversip.rb"], ["lib"]
        end
      RUBY
    end
  end

  def environment
    { "GEM_HOME" => gem_home }
  end

  def output_of(program)
    Open3.capture2e(environment, RbConfig.ruby, "-I#{Command::ROOT}/lib", "-e", program).first
  end

  it "is refused beside this library in one process, with what to do" do
    program = "begin; gem 'oversip'; require 'oversip-rs'; rescue LoadError => e; print e.message; end; print defined?(OverSIP::SIP).inspect"
    expect(output_of(program)).to eq("the gem oversip 2.0.4 is activated in this process, and oversip-rs has the same files and names: " \
                                     "take it out of the Gemfile, or run `gem uninstall oversip`nil")
  end

  it "is not what oversip-rs.rb loads, where it is installed" do
    expect(output_of("require 'oversip-rs'; print [defined?(OverSIP::OLD), OverSIP::VERSION[0]]")).to eq('[nil, "3"]')
  end

  it "is named at the start of a server where it is installed", :native do
    folder
    serving(environment: environment) do |server|
      expect(without_times(server.output)).to match(/^WARN: .*the gem oversip 2\.0\.4 is installed as well: .*`gem uninstall oversip`$/)
    end
  end

  it "is not spoken of where it is not installed", :native do
    folder
    serving { |server| expect(server.output).not_to include("is installed as well") }
  end
end
