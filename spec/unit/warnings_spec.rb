# frozen_string_literal: true

require "open3"
require "rbconfig"
require_relative "../support/server_folder"

# Rubyists run their tests with `ruby -w`: the warnings should be about their own code.
RSpec.describe "ruby -w" do
  include ServerFolder

  let(:root) { File.expand_path("../..", __dir__) }

  def warnings_of(*arguments)
    output, status = Open3.capture2e(RbConfig.ruby, "-w", "-I#{root}/lib", *arguments)
    expect(status).to be_success, output
    output
  end

  it "gives no warning while the library loads", :native do
    # Ruby's own libraries are theirs to mend. The railtie is loaded where Rails is.
    program = <<~RUBY
      require "oversip"
      require "oversip/testing"
      require "oversip/command_line"
      OverSIP::TLS
      Dir[File.join(#{root.dump}, "lib", "oversip", "**", "*.rb")].sort.each { |path| require path unless path.match?(%r{/starter/|/railtie\\.rb}) }
    RUBY
    expect(warnings_of("-e", program).lines.grep(/oversip/)).to be_empty
  end

  let(:script) do
    <<~RUBY
      def (OverSIP::SystemEvents).on_started; end

      def (OverSIP::SipEvents).on_request(request)
        request.reply 200
      end

      def (OverSIP::WebSocketEvents).on_connection(connection, http_request); end
    RUBY
  end

  it "gives no warning for a script that defines the events" do
    expect(warnings_of("-e", "require 'oversip'\n#{script}").lines.grep(/oversip|-e:/)).to be_empty
  end

  it "gives no warning for a server from its start to its end", :native do
    folder(script: script)
    serving(environment: { "RUBYOPT" => "-w" }) do |server|
      server.signal("TERM")
      expect(server.status).to be_success
      expect(server.output.lines.grep(/warning: /).grep(/#{root}|#{@dir}/)).to be_empty
    end
  end

  it "gives no warning for any file of the project" do
    files = Dir[File.join(root, "{lib,exe,spec,examples,bin,script,benches,ext}", "**", "*")].grep_v(/node_modules/)
    ruby = files.select { |path| File.file?(path) && ruby?(path) }
    expect(ruby.size).to be > 150
    expect(warnings_of("-e", "ARGV.each { |path| RubyVM::InstructionSequence.compile_file(path) }", *ruby)).to eq("")
  end

  def ruby?(path)
    path.end_with?(".rb") || File.open(path, "rb", &:gets).to_s.match?(/\A#!.*ruby/)
  end
end
