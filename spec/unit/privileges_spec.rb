# frozen_string_literal: true

require "open3"
require "oversip/privileges"

RSpec.describe OverSIP::Privileges do
  let(:changes) { [] }
  let(:user) { Struct.new(:name, :uid, :gid).new("sip", 1234, 2345) }

  before do
    allow(Process).to receive_messages(euid: 0, egid: 0)
    allow(Process).to receive(:initgroups) { |*arguments| changes << [:initgroups, *arguments] }
    allow(Process).to receive(:groups=) { |groups| changes << [:groups, groups] }
    allow(Process::GID).to receive(:change_privilege) { |gid| changes << [:gid, gid] }
    allow(Process::UID).to receive(:change_privilege) { |uid| changes << [:uid, uid] }
    allow(Etc).to receive(:getpwnam).and_call_original
    allow(Etc).to receive(:getpwnam).with("sip").and_return(user)
  end

  def name_to_uid(name)
    allow(Etc).to receive(:getpwnam).and_call_original
    Etc.getpwnam(name).uid
  end

  it "leaves root's groups when only a user is given, before the user changes" do
    described_class.new("sip", nil).drop
    expect(changes).to eq([[:initgroups, "sip", 2345], [:gid, 2345], [:uid, 1234]])
  end

  it "leaves root's groups when the group is the one that it has already" do
    described_class.new("sip", "root").drop
    expect(changes).to eq([[:initgroups, "sip", 0], [:gid, 0], [:uid, 1234]])
  end

  it "leaves all groups but that one when only a group is given" do
    described_class.new(nil, "root").drop
    expect(changes).to eq([[:groups, [0]], [:gid, 0]])
  end

  it "changes nothing without options" do
    described_class.new(nil, nil).drop
    expect(changes).to be_empty
  end

  # The real thing, in a process of its own.
  { ["nobody", "root"] => ["nobody", "root", %w[root]], [nil, "daemon"] => ["root", "daemon", %w[daemon]],
    ["nobody", nil] => ["nobody", "nogroup", %w[nogroup]] }.each do |(user, group), (owner, gid, groups)|
    it "keeps none of root's groups with user #{user.inspect} and group #{group.inspect}", if: Process.euid.zero? do
      script = <<~RUBY
        require "oversip"
        require "oversip/launcher"
        Process.groups = [0, Etc.getgrnam("adm").gid, Etc.getgrnam("shadow").gid]
        OverSIP::Privileges.new(#{user.inspect}, #{group.inspect}).drop
        puts [[Process.uid, Process.euid], [Process.gid, Process.egid], Process.groups].inspect
      RUBY
      lib = File.expand_path("../../lib", __dir__)
      said, status = Open3.capture2e(RbConfig.ruby, "-I", lib, "-e", script)
      number = ->(name) { Etc.getgrnam(name).gid }
      uid = name_to_uid(owner)
      expect([said, status.success?])
        .to eq(["#{[[uid, uid], [number[gid]] * 2, groups.map(&number)].inspect}\n", true])
    end
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
