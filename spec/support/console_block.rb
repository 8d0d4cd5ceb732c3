# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"

# The blocks of a guide that show a terminal: commands behind "$ ", and what they print. They are run in one shell, in a folder
# that is empty at first.
#
#   ruby spec/support/console_block.rb docs/testing.md                        # writes into the guide what they print now
#   ruby spec/support/console_block.rb --compare docs/testing.md bin/oversip  # says whether it stands there, for this program
class ConsoleBlock
  ROOT = File.expand_path("../..", __dir__)

  PATTERN = /^```console\n(.*?)^```\n/m

  # What differs between two runs and two machines.
  MASKS = {
    /^Finished in .* seconds \(files took .* seconds to load\)$/ => "Finished in 0.1 seconds (files took 0.3 seconds to load)",
    %r{^(wrote) \S*/edge/} => '\1 /home/you/edge/',
    / \(\d+\.\d+ ms\)/ => "",
    # Ruby 3.4 writes the names of methods between two like marks.
    /:in '(?=[^']*'$)/ => ":in `"
  }.freeze

  # Between the outputs of two commands.
  MARK = "-- the next command --"
  private_constant :MARK

  # @return [String] as it stands in the guide
  attr_reader :text

  def initialize(text)
    @text = text
  end

  # @return [Array<String>]
  def commands
    text.lines(chomp: true).grep(/\A\$ /).map { |line| line.delete_prefix("$ ") }
  end

  class << self
    # @param guide [String] path
    # @return [Array<ConsoleBlock>]
    def of(guide)
      File.read(guide).scan(PATTERN).flatten.map { |text| new(text) }
    end

    # Runs the blocks one after the other.
    #
    # @param program [String, nil] what the command `oversip` is, of an installed gem; nil: that of this checkout
    # @return [Array<String>] what each block should be
    def run(blocks, program = nil)
      environment = program ? {} : { "RUBYLIB" => "#{ROOT}/lib" }
      program ||= "#{RbConfig.ruby} #{ROOT}/exe/oversip"
      commands = blocks.flat_map(&:commands)
      script = ["oversip() { #{program} \"$@\"; }\n", *commands.map { |command| "#{command}\necho '#{MARK}'\n" }].join
      printed = Dir.mktmpdir("oversip-console") do |folder|
        Open3.capture2e(environment, "sh", stdin_data: script, chdir: folder).first.split("#{MARK}\n", -1)
      end
      shown = commands.zip(printed).map { |command, output| "$ #{command}\n#{masked(output.to_s)}" }
      blocks.map { |block| shown.shift(block.commands.size).join }
    end

    # Writes into a guide what its commands print.
    def write(guide)
      shown = run(of(guide))
      File.write(guide, File.read(guide).gsub(PATTERN) { "```console\n#{shown.shift}```\n" })
    end

    # Ends this process with an error when the commands print something else.
    def compare(guide, program)
      shown = run(of(guide), program)
      shown == of(guide).map(&:text) ? puts("#{guide}: the commands print what stands there") : abort("#{guide}: the commands print\n#{shown.join}")
    end

    private

    def masked(text)
      text = MASKS.reduce(text) { |masked, (pattern, replacement)| masked.gsub(pattern, replacement) }
      text.gsub(/[ \t]+$/, "").gsub(/\n{3,}/, "\n\n").sub(/\A\n+/, "").sub(/\n+\z/, "\n")
    end
  end
end

ConsoleBlock.public_send(ARGV.delete("--compare") ? :compare : :write, *ARGV) if $PROGRAM_NAME == __FILE__
