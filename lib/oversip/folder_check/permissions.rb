# frozen_string_literal: true

module OverSIP
  class FolderCheck
    # Files that others on this machine may read although they hold a secret, or write although the server runs them.
    #
    # @api private
    module Permissions
      READ_BY_OTHERS = 0o004
      WRITTEN_BY_OTHERS = 0o002

      class << self
        # @param path [String]
        # @param secret [String, nil] what the file holds that others must not know
        # @return [Array<String>] what to do about it
        def advice(path, secret: nil)
          mode = File.stat(path).mode
          file = Folder.shell(path)
          advice = []
          read = secret && mode.anybits?(READ_BY_OTHERS)
          advice << "others may read it, and it holds #{secret}: chmod o-r #{file}" if read
          advice << "others may write it, and so decide what the server does: chmod o-w #{file}" if writable?(path, mode)
          advice
        rescue SystemCallError
          [] # said elsewhere
        end

        private

        # In a folder with the sticky bit other users cannot replace a file.
        def writable?(path, mode)
          mode.anybits?(WRITTEN_BY_OTHERS) && !(File.directory?(path) && File.sticky?(path))
        end
      end
    end
  end
end
