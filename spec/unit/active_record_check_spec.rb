# frozen_string_literal: true

require "oversip/active_record_check"

RSpec.describe OverSIP::ActiveRecordCheck do
  def active_record(version)
    stub_const("ActiveRecord", Module.new { define_singleton_method(:version) { Gem::Version.new(version) } })
    stub_const("ActiveRecord::Base", Class.new)
  end

  def isolation(level)
    stub_const("ActiveSupport::IsolatedExecutionState", Module.new { define_singleton_method(:isolation_level) { level } })
  end

  def check(scheduler: true)
    described_class.refuse_shared_connections(core: { fiber_scheduler: scheduler })
  end

  it "refuses a scheduler beside connections that belong to threads" do
    active_record("6.1.7")
    expect { check }.to raise_error(OverSIP::ConfigurationError, "core[fiber_scheduler] cannot be used with ActiveRecord 6.1.7, whose " \
                                                                 "connections belong to threads: use OverSIP.await for queries, or Rails 7 or later")
  end

  it "asks for isolation by Fiber where there is one" do
    active_record("7.1.0")
    isolation(:thread)
    expect { check }.to raise_error(OverSIP::ConfigurationError, /needs config.active_support.isolation_level = :fiber; or use OverSIP.await/)
    isolation(:fiber)
    expect { check }.not_to raise_error
  end

  it "has nothing to say without a scheduler, or without ActiveRecord" do
    expect { check }.not_to raise_error
    active_record("6.1.7")
    expect { check(scheduler: false) }.not_to raise_error
  end
end
