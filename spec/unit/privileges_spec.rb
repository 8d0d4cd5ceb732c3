# frozen_string_literal: true

require "oversip/privileges"

RSpec.describe OverSIP::Privileges do
  let(:changes) { [] }
  let(:user) { Struct.new(:name, :uid, :gid).new("sip", 1234, 2345) }

  before do
    allow(Process).to receive_messages(euid: 0, egid: 0)
    allow(Process).to receive(:initgroups) { |*arguments| changes << [:initgroups, *arguments] }
    allow(Process::GID).to receive(:change_privilege) { |gid| changes << [:gid, gid] }
    allow(Process::UID).to receive(:change_privilege) { |uid| changes << [:uid, uid] }
    allow(Etc).to receive(:getpwnam).and_call_original
    allow(Etc).to receive(:getpwnam).with("sip").and_return(user)
  end

  it "S-B04: leaves root's groups when only a user is given, before the user changes" do
    described_class.new("sip", nil).drop
    expect(changes).to eq([[:initgroups, "sip", 2345], [:gid, 2345], [:uid, 1234]])
  end

  it "changes nothing when nothing is asked for" do
    described_class.new(nil, nil).drop
    expect(changes).to be_empty
  end

  it "names a group that does not exist" do
    expect { described_class.new(nil, "no-such-group") }
      .to raise_error(OverSIP::ConfigurationError, "group 'no-such-group' does not exist in the system")
  end

  it "ignores both, with a warning, when it is not root who starts" do
    allow(Process).to receive(:euid).and_return(1000)
    log = capture_log { described_class.new("no-such-user", nil).drop }
    expect(log.map(&:severity)).to eq([:warn])
    expect(changes).to be_empty
  end
end
