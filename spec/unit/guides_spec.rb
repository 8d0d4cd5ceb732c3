# frozen_string_literal: true

require "open3"
require "tmpdir"

# What the guides in docs/ show.
RSpec.describe "The guides" do
  it "have a command that makes a key and a certificate which load here" do
    guide = File.read(File.expand_path("../../docs/migration.md", __dir__))
    command = guide[/^\(umask.*?\)$/m]
    Dir.mktmpdir("oversip-key") do |folder|
      output, status = Open3.capture2e("sh", "-c", command, chdir: folder)
      expect(status).to be_success, output
      files = %w[own.crt own.key].map { |name| File.join(folder, name) }
      expect { OverSIP::TLS::Identity.read(*files) }.not_to raise_error
      expect(File.stat(files.last).mode & 0o077).to eq(0)
      expect(OverSIP::TLS.get_sip_identities(OpenSSL::X509::Certificate.new(File.read(files.first)))).to include("sip.example.org")
    end
  end

  Dir[File.expand_path("../../docs/*.md", __dir__)].each do |path|
    File.read(path).scan(/^```ruby\n(.*?)^```/m).flatten.each.with_index(1) do |code, number|
      it "show Ruby that can be read: example #{number} of #{File.basename(path)}" do
        expect { RubyVM::InstructionSequence.compile(code, path) }.not_to raise_error
      end
    end
  end
end
