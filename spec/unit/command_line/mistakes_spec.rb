# frozen_string_literal: true

require "open3"
require_relative "../../support/asked_server"
require_relative "../../support/command"

RSpec.describe "Mistakes in the arguments of oversip" do
  include AskedServer

  long = "/tmp/#{"a" * 120}.sock"
  deep = "/tmp/#{"a" * 90}/a.sock"

  # @return [Array(String, String, Integer)] stdout, stderr and the exit status
  def run(*arguments)
    oversip(*arguments, socket: nil)
  end

  {
    %w[--bogus] => "invalid option: --bogus: oversip help COMMAND shows what it takes",
    %w[--sokcet x] => "invalid option: --sokcet; did you mean --socket?",
    %w[--socket] => "missing argument: --socket: oversip help COMMAND shows what it takes",
    %w[a b c] => /\ACOMMAND takes \[DIR\].*, '[bc]' is too much: oversip help COMMAND shows what it takes\z/,
    ["--socket", "/tmp/\xFF"] => %r{\Athe argument '/tmp/\\xFF' is not UTF-8: please write it in UTF-8},
    ["\xFF\xFE"] => /\Athe argument '\\xFF\\xFE' is not UTF-8/,
    ["--config-dir", "~nosuchuser"] => %r{\A'~nosuchuser' is no path: .*nosuchuser.*; a path that begins with ~ is written as ./~\z},
    ["--no-such-\e[2J"] => "invalid option: --no-such-\\x1B[2J: oversip help COMMAND shows what it takes"
  }.each do |arguments, message|
    it "are told in one line for #{arguments.join(" ").inspect}" do
      { "status" => 3, "trace" => 1, "top" => 1 }.each do |command, status|
        expected = message.is_a?(Regexp) ? Regexp.new(message.source.gsub("COMMAND", command)) : message.gsub("COMMAND", command)
        out, error, exit_status = run(command, *arguments)
        expect([out, exit_status, error.lines.size]).to eq(["", status, 1])
        expect(error.chomp).to start_with("ERROR: oversip ")
        expect(error.chomp.delete_prefix("ERROR: oversip ")).to match(expected.is_a?(Regexp) ? expected : /\A#{Regexp.escape(expected)}\z/)
      end
    end
  end

  it "have the exit status of the command that follows them" do
    expect(run("--bogus", "status")).to match(["", /\AERROR: oversip invalid option: --bogus/, 3])
    expect(run("--user", "x", "status")).to match(["", /\AERROR: oversip status does not take --user/, 3])
  end

  it "are the same behind --, where each argument is a word" do
    { %w[-- status a --json] => ["status takes [DIR], '--json' is too much", 3], %w[-- trace --last] => ["no socket of a server", 1],
      %w[-- top a b] => ["top takes [DIR], 'b' is too much", 1], %w[-- x status] => ["unknown command 'x'", 1],
      %w[x -- status] => ["unknown command 'x'", 1], %w[-- start a --pid] => ["start takes one word, '--pid' is too much", 1] }
      .each do |arguments, (message, status)|
      allow(OverSIP::ControlSocket).to receive(:folders).and_return([@dir])
      _, error, exit_status = run(*arguments)
      expect([error.lines.size, exit_status]).to eq([1, status])
      expect(error).to include(message)
    end
    server("/status" => status)
    File.write(File.join(@dir, "oversip.conf"), "core: {control_socket: #{socket}}")
    expect(run("--", "status", @dir)).to match([/\AWARNING|\AOK/, "", be < 2])
    expect(run("--", "version")).to eq(["#{OverSIP::DESCRIPTION}\n", "", 0])
  end

  it "are told by what has gone wrong, where that is no output" do
    server("/status" => status(folder: "/x"))
    allow(OverSIP::ControlSocket).to receive(:folders).and_return([@dir])
    File.write(File.join(@dir, "oversip.conf"), "{}")
    allow(File).to receive(:realpath).and_call_original
    allow(File).to receive(:realpath).with(@dir).and_raise(Errno::EACCES)
    expect(run("trace", @dir)).to eq(["", "ERROR: oversip trace: #{@dir} cannot be read: Permission denied\n", 1])
    allow(OverSIP::CommandLine::TopCommand).to receive(:new).and_raise(Errno::EIO)
    expect(oversip("top")).to eq(["", "ERROR: oversip top: Input/output error\n", 1])
    File.write(File.join(@dir, "oversip.conf"), "a: b @ c: d")
    expect(run("top", @dir)).to match(["", /cannot be read: .*mapping values.*line 1/, 1])
  end

  it "are numbers that no call or clock has" do
    { ["trace", "--last", "9" * 30] => "--last has to be 2147483647 or less: --last",
      ["trace", "--slow", "9" * 80] => "--slow has to be 1000000000 or less: --slow",
      ["trace", "--slow", "9" * 400] => "'#{"9" * 400}' is no time such as 2s, 500ms or 1.5: --slow",
      ["top", "--interval", "#{"9" * 80}s"] => "--interval has to be 1000000000 or less: --interval" }.each do |arguments, message|
      expect(run(*arguments)).to eq(["", "ERROR: oversip #{message}: oversip help #{arguments.first} shows what it takes\n", 1])
    end
  end

  it "are paths that no socket can have" do
    { long => "#{long.bytesize} bytes are above the bound: the path of a socket has 107 bytes at most",
      deep => "the 95 bytes of its folder are above the bound: 89 at most for a socket" }.each do |path, reason|
      text = "no server has its socket at #{path}: #{reason}\n"
      expect(run("status", "--socket", path)).to eq(["UNKNOWN: #{text}", "", 3])
      expect([run("trace", "--socket", path), run("top", "--socket", path)])
        .to eq([["", "ERROR: oversip trace: #{text}", 1], ["", "ERROR: oversip top: #{text}", 1]])
    end
  end

  it "are a path in the oversip.conf that names the socket, and a folder in its place" do
    File.write(File.join(@dir, "oversip.conf"), "core: {control_socket: \"/tmp/a\\0b\"}")
    expect(run("status", @dir)).to eq(["UNKNOWN: no server has its socket at /tmp/a\\x00b: it has a NUL byte\n", "", 3])
    expect(run("status", "--socket", @dir)).to eq(["UNKNOWN: #{@dir} is no socket of a server\n", "", 3])
  end

  describe "of the other commands" do
    {
      %w[check --bogus] => "invalid option: --bogus: oversip help check shows what it takes",
      %w[init --bogus] => "invalid option: --bogus: oversip help init shows what it takes",
      ["check", "~nosuchuser"] => "'~nosuchuser' is no path",
      ["init", "~nosuchuser"] => "'~nosuchuser' is no path",
      ["start", "~nosuchuser"] => "'~nosuchuser' is no path",
      ["--pid", "~nosuchuser/x"] => "'~nosuchuser/x' is no path",
      ["-I", "~nosuchuser", "version"] => "'~nosuchuser' is no path",
      ["check", "/tmp/\xFF"] => "the argument '/tmp/\\xFF' is not UTF-8",
      ["help", "\xFF"] => "the argument '\\xFF' is not UTF-8",
      ["\xFF"] => "the argument '\\xFF' is not UTF-8",
      ["\e[31m"] => "unknown command '\\x1B[31m'"
    }.each do |arguments, message|
      it "are told in one line for #{arguments.join(" ").inspect}" do
        expect(run(*arguments)).to match(["", /\AERROR: oversip #{Regexp.escape(message)}[^\n]*\n\z/, 1])
      end
    end
  end

  describe "in another locale" do
    include Command

    def run(*arguments)
      out, error, status = Open3.capture3({ "LC_ALL" => "C" }, *command(*arguments))
      [out, error, status.exitstatus]
    end

    it "are none where letters are beyond ASCII" do
      server("/trace" => TraceRows.of(a_call("né", "200 OK")))
      out, error, status = run("trace", "né", "--socket", socket)
      expect([error, status]).to eq(["", 0])
      expect(out).to include("Call-ID né")
      expect(run("trace", "--to", "zoë", "--socket", socket)).to match(["", /\Anone of the 1 calls/, 1])
      expect(run("check", File.join(@dir, "é")).first).to include("#{@dir}/é: 1 to be changed")
    end
  end
end
