# frozen_string_literal: true

# Subscribers of ActiveSupport::Notifications for the time of an example.
module ActiveSupportNotifications
  def self.included(group)
    group.before do
      skip "no ActiveSupport for this Ruby" if Gem::Specification.find_all_by_name("activesupport").empty?
      require "active_support"
      require "active_support/notifications"
    end
    group.after { subscribers.each { |subscriber| ActiveSupport::Notifications.unsubscribe(subscriber) } }
  end

  # @yieldparam payload [Hash]
  def subscribe(name, &block)
    subscribers << ActiveSupport::Notifications.subscribe(name) { |*, payload| block.call(payload) }
  end

  # @return [Array<Array(String, Hash)>] what comes from now on; with a block until that has ended
  def listen(*names)
    heard = []
    before = subscribers.size
    names.each { |name| subscribe(name) { |payload| heard << [name, payload] } }
    if block_given?
      yield
      eventually { heard.size >= names.size }
      subscribers.slice!(before..).each { |subscriber| ActiveSupport::Notifications.unsubscribe(subscriber) }
    end
    heard
  end

  private

  def subscribers
    @subscribers ||= []
  end
end
