# frozen_string_literal: true

require_relative "lib/oversip/version"

Gem::Specification.new do |spec|
  spec.name = "oversip-rs"
  spec.version = OverSIP::VERSION
  spec.authors = [OverSIP::AUTHOR]
  spec.summary = "SIP proxy and user agent client: a Rust engine whose routing logic is Ruby"
  spec.description = "A SIP engine in Rust (transactions, RFC 3263, TLS, WebSocket) behind the Ruby API of OverSIP: " \
                     "scripts decide about each request and see each response in blocks, all else happens without Ruby."
  spec.homepage = OverSIP::HOMEPAGE
  spec.license = "MIT"
  spec.required_ruby_version = ">= 3.1"
  # Made of the gem by its .yardopts. There is no repository or tracker to name: the gem is its source.
  documentation = "https://rubydoc.info/gems/#{spec.name}/#{spec.version}"
  spec.metadata = {
    "changelog_uri" => "#{documentation}/file/CHANGELOG.md",
    "documentation_uri" => documentation,
    "rubygems_mfa_required" => "true"
  }

  spec.files = Dir.chdir(__dir__) do
    Dir["lib/**/*.{rb,conf}", "exe/*", "src/**/*.rs", "web/**/*.{html,css,js}", "benches/*.rs", "benches/messages/*.rs",
        "ext/**/*.{rs,rb,toml}", "Cargo.toml", "Cargo.lock", "examples/**/*", "docs/**/*", "packaging/**/*", "README.md",
        "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", ".yardopts"]
      .select { |path| File.file?(path) && !path.end_with?("_tests.rs") }
  end
  spec.bindir = "exe"
  spec.executables = ["oversip"]
  spec.require_paths = ["lib"]
  spec.extensions = ["ext/oversip_rs/extconf.rb"]
  spec.extra_rdoc_files = ["README.md", "CHANGELOG.md"]
end
