# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"

# The extension is C to Ruby: one that was built for another version must not even be tried.
RSpec.describe "The extension" do
  let(:root) { File.expand_path("../..", __dir__) }
  let(:ruby) { RbConfig::CONFIG.fetch("ruby_version") }
  let(:advice) { "please run `gem pristine oversip-rs` with this Ruby, or `rake compile` in a checkout" }

  # A checkout with extensions for these versions of Ruby and no others.
  def checkout(*versions)
    Dir.mktmpdir("oversip-checkout") do |folder|
      FileUtils.mkdir_p(File.join(folder, "lib"))
      FileUtils.cp_r(File.join(root, "exe"), folder)
      %w[oversip oversip.rb].each { |name| FileUtils.ln_s(File.join(root, "lib", name), File.join(folder, "lib", name)) }
      versions.each do |version|
        path = File.join(folder, "lib", "oversip_rs", version, "oversip_rs.#{RbConfig::CONFIG.fetch("DLEXT")}")
        FileUtils.mkdir_p(File.dirname(path))
        File.write(path, "nothing that could be loaded")
      end
      yield folder
    end
  end

  def message_of_require(folder)
    program = "begin; require 'oversip'; rescue LoadError => e; print e.message; end"
    Open3.capture2e(RbConfig.ruby, "-I#{folder}/lib", "-e", program).first
  end

  it "for another Ruby is refused with a sentence that names both and what to do" do
    checkout("2.7.0") do |folder|
      expect(message_of_require(folder))
        .to eq("the extension of oversip-rs was built for Ruby 2.7.0, and this is Ruby #{ruby}: #{advice}")
    end
  end

  it "that is missing is reported as missing" do
    checkout { |folder| expect(message_of_require(folder)).to eq("the extension of oversip-rs is not built, and this is Ruby #{ruby}: #{advice}") }
  end

  it "for this Ruby is taken from among several" do
    checkout("2.7.0", ruby) { |folder| expect(message_of_require(folder)).to match(%r{#{ruby}/oversip_rs\.\w+}) }
  end

  it "that does not fit ends the command with the sentence alone" do
    checkout("2.7.0") do |folder|
      output, error, status = Open3.capture3(RbConfig.ruby, File.join(folder, "exe", "oversip"), "--version")
      expect([output, error.lines.size, status.exitstatus]).to eq(["", 1, 1])
      expect(error).to match(/\Aoversip: the extension of oversip-rs was built for Ruby 2\.7\.0/)
    end
  end

  it "is built where this Ruby looks for it", :native do
    expect($LOADED_FEATURES.grep(%r{/oversip_rs\.\w+\z})).to all(include("/oversip_rs/#{ruby}/"))
    expect($LOADED_FEATURES.grep(%r{/oversip_rs\.\w+\z}).size).to eq(1)
  end
end
