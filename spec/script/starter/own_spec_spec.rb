# frozen_string_literal: true

require_relative "../../support/mutant_run"
require_relative "../../support/script_mutants"
require_relative "../../support/starter_script"

# spec/server_spec.rb, which `oversip init` writes beside the script.
RSpec.describe "The starter's own spec" do
  # Changes that change nothing: an IP address without a transport means UDP, as the starter's home server has it.
  def same?(mutant)
    mutant.after == ", *HOME_SERVER.first(2)"
  end

  let(:files) do
    %w[oversip.conf proxies.conf spec/server_spec.rb].to_h { |name| [name, File.read(File.join(StarterScript::FOLDER, name))] }
  end
  let(:script) { File.read(File.join(StarterScript::FOLDER, "server.rb")) }
  let(:mutants) { ScriptMutants.new(script).all }

  it "passes, and notices every change of the script" do
    expect(mutants.size).to eq(38) # as docs/testing.md says
    unchanged, *changed = MutantRun.failures(files, [script, *mutants.map(&:text)])
    expect(unchanged).to eq([])
    survivors, caught = mutants.zip(changed).partition { |_, failures| failures.empty? }.map { |pairs| pairs.map(&:first) }
    expect([survivors.reject { |mutant| same?(mutant) }.map(&:to_s), caught.size]).to eq([[], mutants.size - 1])
  end
end
