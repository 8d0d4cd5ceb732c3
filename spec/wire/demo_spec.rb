# frozen_string_literal: true

require_relative "../support/command"

# What bin/demo runs once everything is built.
RSpec.describe "The demonstration", :native do
  it "shows each scene as a ladder with the blocks of the relay, and ends with status 0" do
    demo = Command::Running.new([RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"),
                                 File.join(Command::ROOT, "bin/support/demo.rb")])
    expect(demo.status(limit: 60)).to be_success, -> { demo.output }
    [/caller +relay +callee/, /\|-+ INVITE sip:bob@\S+ -+>\|/, /\|-+ BYE sip:callee@\S+ -+>\|/, /on_request .*server\.rb:\d+/, /on_target udp:callee .*server\.rb:\d+/, /on_target tcp:nobody /,
     /on_error 500/, /\|<-+ 180 Ringing -+\|/, /Everything expected happened in 3 scenes/].each do |shown|
      expect(demo.output).to match(shown)
    end
  ensure
    demo&.kill
  end
end
