# frozen_string_literal: true

require "bundler"
require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"

# What RubyGems and Bundler know of the gem.
RSpec.describe "The gem" do
  root = File.expand_path("../..", __dir__)
  let(:specification) { Bundler.with_unbundled_env { Gem::Specification.load(File.join(root, "oversip-rs.gemspec")) } }

  let(:root) { root }

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

  def unpack(folder)
    specification.files.each do |file|
      FileUtils.mkdir_p(File.join(folder, File.dirname(file)))
      FileUtils.cp(File.join(root, file), File.join(folder, file))
    end
  end

  it "is loaded by Bundler.require", :native do
    program = "Bundler.require; print [OverSIP.running?, OverSIP::SIP::Uac.instance_method(:call).name, OverSIP::VERSION]"
    expect(with_gemfile("gem \"oversip-rs\", path: #{root.dump}", program)).to eq([false, :call, OverSIP::VERSION].to_s)
  end

  it "has a file of its name that the gem ships" do
    expect(specification.files).to include("lib/oversip-rs.rb", "lib/oversip.rb", "ext/oversip_rs/extconf.rb", "docs/migration.md")
  end

  it "leaves out files that only tests need" do
    tests = specification.files.grep(%r{_tests\.rs\z|_spec\.rb\z|\A(?:spec|tests|fuzz|bin|script)/})
    expect(tests).to eq(["lib/oversip/starter/server_spec.rb"]) # which `oversip init` writes
  end

  it "can be built for a Ruby that its bindings do not know yet" do
    bindings = File.read(File.join(root, "ext", "oversip_rs", "Cargo.toml"))[/^rb-sys = .*/]
    expect(bindings).to include("stable-api-compiled-fallback")
  end

  it "says where its changes and documentation are, which its own files make, and names no page that is not there" do
    links = specification.metadata.select { |name, _| name.end_with?("_uri") }
    site = "https://rubydoc.info/gems/oversip-rs/#{OverSIP::VERSION}"
    expect(links).to eq("documentation_uri" => site, "changelog_uri" => "#{site}/file/CHANGELOG.md")
    expect(specification.metadata["rubygems_mfa_required"]).to eq("true")
    Dir.mktmpdir("oversip-gem") do |folder|
      unpack(folder)
      output, status = Open3.capture2e("yard", "doc", "--fail-on-warning", "--no-progress", "--no-stats", chdir: folder)
      expect(status).to be_success, output
      guides = Dir[File.join(root, "docs/*.md")].map { |path| "file.#{File.basename(path, ".md")}.html" }
      pages = Dir.children(File.join(folder, "doc"))
      expect(pages).to include("file.README.html", "file.CHANGELOG.html", "OverSIP.html", *guides)
      expect(File).to exist(File.join(folder, "doc/OverSIP/SIP/Request.html")) # written in Rust
    end
  end

  it "is a pre-release as long as README installs it with --pre and a requirement that takes one" do
    install = File.read(File.join(root, "README.md"))[/^## Install\n(.*?)^## /m, 1]
    expect(install.include?("gem install oversip-rs --pre")).to be(specification.version.prerelease?)
    line = install[/^gem "oversip-rs", "([^"]+)"$/, 1]
    expect(Gem::Requirement.new(line)).to be_satisfied_by(specification.version)
  end
end
