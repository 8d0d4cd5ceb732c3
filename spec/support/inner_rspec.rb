# frozen_string_literal: true

require "json"
require "open3"
require "rbconfig"
require "tmpdir"

# Runs a spec file as a user would: in a process and a folder of its own. Failing examples can be looked at so.
module InnerRspec
  LIBRARY = File.expand_path("../../lib", __dir__)

  # What one run has shown.
  Outcome = Struct.new(:output, :folder, :examples) do
    # @!attribute examples
    #   @return [Hash{String => Hash}] as RSpec's JSON has them, by their description

    # @return [String, nil] why the example has failed
    def failure(description)
      examples.fetch(description).dig("exception", "message")
    end

    # @return [Array<String>] the descriptions of those that passed
    def passed
      examples.select { |_, example| example["status"] == "passed" }.keys
    end
  end

  module_function

  # @param files [Hash{String => String}] name and text, below a new folder
  # @param arguments [Array<String>] of rspec
  # @return [Outcome]
  # @yieldparam outcome [Outcome] while the folder is there
  def run_rspec(files, *arguments)
    rspec = [Gem.bin_path("rspec-core", "rspec"), "--options", "none", "--format", "progress", "--format", "json", "--out", "result.json"]
    run_ruby(files, *rspec, *arguments) do |outcome|
      examples = JSON.parse(File.read(File.join(outcome.folder, "result.json"))).fetch("examples")
      outcome.examples = examples.to_h { |example| [example["description"], example] }
      yield outcome if block_given?
    end
  end

  # The same of any program in Ruby.
  def run_ruby(files, *arguments)
    Dir.mktmpdir("oversip-rspec") do |folder|
      files.each { |name, text| write(File.join(folder, name), text) }
      output, = Open3.capture2e(RbConfig.ruby, "-I", LIBRARY, *arguments, chdir: folder)
      outcome = Outcome.new(output, folder)
      yield outcome if block_given?
      outcome
    end
  end

  def write(path, text)
    FileUtils.mkdir_p(File.dirname(path))
    File.write(path, text)
  end
end
