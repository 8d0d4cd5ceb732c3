# frozen_string_literal: true

require "bundler"
require "open3"
require "rbconfig"
require "tmpdir"

# What RubyGems and Bundler know of the gem.
RSpec.describe "The gem" do
  root = File.expand_path("../..", __dir__)
  let(:specification) { Bundler.with_unbundled_env { Gem::Specification.load(File.join(root, "oversip-rs.gemspec")) } }

  # @return [String] what a program prints in a folder whose Gemfile names this checkout
  def with_gemfile(line, program)
    Dir.mktmpdir("oversip-app") do |folder|
      File.write(File.join(folder, "Gemfile"), "source \"https://rubygems.org\"\n#{line}\n")
      environment = { "BUNDLE_GEMFILE" => File.join(folder, "Gemfile"), "BUNDLE_APP_CONFIG" => folder, "BUNDLE_USER_HOME" => folder }
      output, status = Open3.capture2e(environment, RbConfig.ruby, "-rbundler/setup", "-e", program, chdir: folder)
      expect(status).to be_success, output
      output
    end
  end

  it "is loaded by Bundler.require", :native do
    program = "Bundler.require; print [OverSIP.running?, OverSIP::SIP::Uac.instance_method(:call).name, OverSIP::VERSION]"
    expect(with_gemfile("gem \"oversip-rs\", path: #{root.dump}", program)).to eq([false, :call, OverSIP::VERSION].to_s)
  end

  it "has a file of its name that the gem ships" do
    expect(specification.files).to include("lib/oversip-rs.rb", "lib/oversip.rb", "ext/oversip_rs/extconf.rb", "docs/migration.md")
  end

  it "leaves out what only tests need" do
    expect(specification.files.grep(%r{_tests\.rs\z|_spec\.rb\z|\A(?:spec|tests|fuzz|bin|script)/})).to be_empty
  end

  it "can be built for a Ruby that its bindings do not know yet" do
    bindings = File.read(File.join(root, "ext", "oversip_rs", "Cargo.toml"))[/^rb-sys = .*/]
    expect(bindings).to include("stable-api-compiled-fallback")
  end

  it "says where its source, changes, documentation and known faults are" do
    links = %w[source_code_uri changelog_uri documentation_uri bug_tracker_uri].to_h { |name| [name, specification.metadata[name]] }
    expect(links.values).to all(match(%r{\Ahttps://\S+\z}))
    expect(links.values.uniq.size).to be > 1
    expect(specification.metadata["rubygems_mfa_required"]).to eq("true")
  end

  it "is a pre-release as long as README installs it with --pre and a requirement that takes one" do
    install = File.read(File.join(root, "README.md"))[/^## Install\n(.*?)^## /m, 1]
    expect(install.include?("gem install oversip-rs --pre")).to be(specification.version.prerelease?)
    line = install[/^gem "oversip-rs", "([^"]+)"$/, 1]
    expect(Gem::Requirement.new(line)).to be_satisfied_by(specification.version)
  end
end
