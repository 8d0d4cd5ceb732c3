# frozen_string_literal: true

require "fileutils"
require "open3"

module Bench
  # Checkouts of this project with their extensions.
  module CommitBuild
    ROOT = File.expand_path("../..", __dir__)
    # Other commits stay here, each in a folder with its name, and share what cargo has built.
    CACHE = File.join(ENV.fetch("XDG_CACHE_HOME") { File.join(Dir.home, ".cache") }, "oversip-bench")

    class << self
      # Builds the present checkout.
      #
      # @return [String] its folder
      def present
        compile(ROOT, File.join(Dir.tmpdir, "oversip-bench-build.log"))
        ROOT
      end

      # @return [String] the present commit in short, with a remark if files have been changed since
      def present_name
        git("status", "--porcelain").empty? ? short("HEAD") : "#{short("HEAD")} with changes"
      end

      # Builds another commit unless that has been done before.
      #
      # @param reference [String] a branch, a tag or a commit
      # @return [String] the folder of its checkout
      def at(reference)
        tree = File.join(CACHE, short(reference))
        return tree if File.exist?("#{tree}/.built")

        FileUtils.rm_rf(tree)
        FileUtils.mkdir_p([tree, "#{CACHE}/target"])
        Open3.pipeline(["git", "archive", reference, { chdir: ROOT }], ["tar", "-x", "-C", tree]).all?(&:success?) or
          raise Failure, "git archive #{reference} fails"
        FileUtils.ln_s("#{CACHE}/target", "#{tree}/target")
        compile(tree, "#{tree}/.build.log")
        FileUtils.touch("#{tree}/.built")
        tree
      end

      # @return [String]
      def short(reference)
        git("rev-parse", "--short=10", "--verify", "--quiet", "#{reference}^{commit}")
      rescue Failure
        raise Failure, "there is no commit #{reference}"
      end

      private

      # As it is measured: optimised, whatever was built last.
      def compile(tree, log)
        warn "Building #{tree}"
        system({ "PROFILE" => "release" }, "rake", "compile", chdir: tree, out: log, err: log) and return
        raise Failure, "rake compile fails in #{tree}:\n#{File.readlines(log).last(15).join}"
      end

      def git(*arguments)
        output, status = Open3.capture2("git", *arguments, chdir: ROOT)
        status.success? or raise Failure, "git #{arguments.join(" ")} fails"
        output.chomp
      end
    end
  end
end
