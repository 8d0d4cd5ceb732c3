# frozen_string_literal: true

require "tmpdir"
require_relative "../support/command"

# What bin/demo runs once everything is built.
RSpec.describe "The demonstration", :native do
  # @yieldparam demo [Command::Running] with its output
  def demonstration(*arguments)
    demo = Command::Running.new([RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"), File.join(Command::ROOT, "bin/support/demo.rb"), *arguments])
    expect(demo.status(limit: 60)).to be_success, -> { demo.output }
    yield demo
  ensure
    demo&.kill
  end

  # @return [Array<String>] what a picture says, but for times, ports and the order of what happens at the same time
  def said(picture)
    File.read(picture).scan(%r{<text[^>]*>([^<]*)</text>}).flatten.map { |text| text.gsub(/\d+(?:\.\d+)?/, "0") }.reject { |text| text == "0" }.sort
  end

  it "shows each scene as a ladder with the blocks of the relay, and ends with status 0" do
    demonstration do |demo|
      [/caller +relay +callee/, /\|-+ INVITE sip:bob@\S+ -+>\|/, /\|-+ BYE sip:callee@\S+ -+>\|/, /on_request .*server\.rb:\d+/, /on_target udp:callee .*server\.rb:\d+/, /on_target tcp:nobody /,
       /on_error 500/, /\|<-+ 180 Ringing -+\|/, /Everything expected happened in 3 scenes/].each do |shown|
        expect(demo.output).to match(shown)
      end
    end
  end

  # `bin/demo --svg docs/call.svg` draws it anew.
  it "draws the README's picture of a call by `oversip trace`" do
    shown = File.join(Command::ROOT, File.read(File.join(Command::ROOT, "README.md"))[/!\[[^\]]*\]\((\S+\.svg)\)/, 1])
    Dir.mktmpdir("oversip-demo") do |folder|
      drawn = File.join(folder, "call.svg")
      demonstration("--svg", drawn) { |demo| expect(demo.output).to include("oversip trace --svg has drawn the first call: #{drawn}") }
      expect(said(drawn)).to eq(said(shown)).and include("caller", "oversip", "bob", "0 OK", "on_request INVITE (server.rb:0)")
    end
  end
end
