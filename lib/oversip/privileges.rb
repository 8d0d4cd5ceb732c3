# frozen_string_literal: true

require "etc"

module OverSIP
  # The user and group that the server runs as once its ports are open.
  #
  # @api private
  class Privileges
    include Logger

    # @raise [ConfigurationError] no such user or group
    def initialize(user, group)
      @log_id = "launcher"
      unless Process.euid.zero?
        log_system_warn "not started by root: --user and --group are ignored" if user || group
        return
      end

      @user = find(:getpwnam, "user", user)
      @group = find(:getgrnam, "group", group)
    end

    # Gives up root's rights. Without a group it is the user's own one: never root's. The supplementary groups of the
    # starting user, usually root's, are always given up: they become those of the user, or with a group alone only that
    # group.
    def drop
      return unless group

      @user ? Process.initgroups(@user.name, group) : Process.groups = [group]
      Process::GID.change_privilege(group)
      Process::UID.change_privilege(@user.uid) if @user
    end

    # @return [Integer, nil] the numbers of user and group that {#drop} leads to; nil where it changes nothing
    def user
      @user&.uid
    end

    # @return [Integer, nil]
    def group
      @group&.gid || @user&.gid
    end

    private

    def find(lookup, kind, name)
      name && Etc.public_send(lookup, name)
    rescue ArgumentError
      raise ConfigurationError, "#{kind} '#{name}' does not exist in the system"
    end
  end
end
