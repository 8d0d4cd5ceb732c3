# frozen_string_literal: true

RSpec.describe "The arguments of a Client's blocks", :native do
  # A log target that has the garbage collected between two blocks: each block before the last one raises.
  let(:collecting_target) do
    Class.new do
      def write(*, **)
        GC.start
        20_000.times { |number| "garbage #{number}" }
      end
    end.new
  end

  it "live until the last block has run" do
    reasons = Thread::Queue.new
    previous = OverSIP::Logger.target
    OverSIP.start(configuration: { sip: { listen_port: 0 } })
    OverSIP::Logger.target = collecting_target
    uac = OverSIP::SIP::Uac.new
    6.times do
      uac.on_error do |_status, reason, _code|
        reasons << reason.dup
        raise "and the next block gets the same"
      end
    end
    uac.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "urn:service:sos" })
    expect(Array.new(6) { reasons.pop }).to all eq "Unsupported URI scheme"
  ensure
    OverSIP.stop(timeout: 0)
    OverSIP::Logger.target = previous
  end
end
