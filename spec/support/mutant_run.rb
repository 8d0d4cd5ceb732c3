# frozen_string_literal: true

require "json"
require_relative "inner_rspec"

# Runs one spec file against many scripts: the library is loaded once, and each run is a process that comes from that one.
module MutantRun
  PROGRAM = <<~'RUBY'
    require "json"
    require "stringio"
    require "rspec/core"
    require "rspec/expectations"
    require "oversip/rspec"

    # The seconds that a run may take: a change may let a script go round in circles.
    LIMIT = 60

    failures = Dir["mutants/*.rb"].sort.to_h do |script|
      out, into = IO.pipe
      pid = fork do
        out.close
        File.write("server.rb", File.read(script))
        result = StringIO.new
        RSpec::Core::Runner.run(%w[--options none --format json spec], StringIO.new, result)
        into.write(result.string)
        exit!(0)
      end
      into.close
      watch = Thread.new { sleep LIMIT and Process.kill("KILL", pid) }
      text = out.read
      watch.kill
      Process.wait(pid)
      json = text[/\{.*\}/m]
      failed = json ? JSON.parse(json)["examples"].select { |example| example["status"] == "failed" }.map { |example| example["description"] } : ["the run"]
      failed << "the run" if json && JSON.parse(json)["summary"]["example_count"].zero?
      [File.basename(script), failed]
    end
    File.write("result.json", JSON.generate(failures))
  RUBY

  # @param files [Hash{String => String}] of the folder
  # @param scripts [Array<String>] the texts that take the place of server.rb
  # @return [Array<Array<String>>] for each the examples that have failed
  def self.failures(files, scripts)
    texts = scripts.each_with_index.to_h { |text, index| [format("mutants/%03d.rb", index), text] }
    result = nil
    outcome = InnerRspec.run_ruby({ **files, **texts, "run.rb" => PROGRAM }, "run.rb") do |run|
      path = File.join(run.folder, "result.json")
      result = JSON.parse(File.read(path)) if File.exist?(path)
    end
    raise outcome.output unless result

    result.values
  end
end
