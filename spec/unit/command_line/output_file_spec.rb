# frozen_string_literal: true

require_relative "../../support/asked_server"
require_relative "../../support/command"

# What was said on calls is for who has asked for it.
RSpec.describe "A file that oversip trace writes" do
  include AskedServer

  let(:file) { File.join(@dir, "x.txt") }
  let(:other) { File.join(@dir, "other") }

  def mode(path)
    File.stat(path).mode & 0o777
  end

  # A server whose call goes on as soon as it is followed.
  def following
    rows = TraceRows.rows(a_call("one", "200 OK", at: 2.0))
    server("/trace" => ->(_) { TraceRows.lines([TraceRows.head_row(now: 1.0), *rows]) })
  end

  ways = { "at once" => [[], ->(example) { example.tracing(example.a_call("one", "200 OK")) }],
           "as calls go on" => [["--follow"], :following.to_proc] }
  ways.each do |way, (arguments, pages)|
    describe way do
      before { instance_exec(self, &pages) }

      def written(*arguments)
        _, error, status = oversip("trace", *arguments, "-o", file)
        [error.lines.grep(/ERROR/).join, status]
      end

      it "is its owner's alone, also where it was there" do
        File.write(file, "older\n")
        File.chmod(0o644, file)
        expect(written(*arguments)).to eq(["", 0])
        expect([mode(file), File.read(file).start_with?("older"), Dir.children(@dir).sort])
          .to eq([0o600, arguments.any?, ["oversip.sock", "x.txt"]])
        expect(File.read(file)).to include("Call-ID one")
      end

      it "is never reached by a symbolic link" do
        [other, File.join(@dir, "nothing")].each do |target|
          File.write(other, "mine")
          File.symlink(target, file)
          expect(written(*arguments))
            .to eq(["ERROR: oversip trace: cannot write #{file}: it is a symbolic link; please name the file itself, or - for stdout\n", 1])
          expect([File.read(other), File.symlink?(file), File.exist?(File.join(@dir, "nothing"))]).to eq(["mine", true, false])
          File.delete(file)
        end
      end

      it "may be a pipe, which stays one" do
        File.mkfifo(file)
        reader = Thread.new { File.read(file) }
        expect(written(*arguments)).to eq(["", 0])
        expect([reader.value.include?("Call-ID one"), File.pipe?(file)]).to eq([true, true])
      end

      it "is no folder" do
        Dir.mkdir(file)
        expect(written(*arguments)).to eq(["ERROR: oversip trace: cannot write #{file}: Is a directory\n", 1])
      end

      it "is stdout by the name -" do
        out, = Dir.chdir(@dir) { oversip("trace", *arguments, "-o", "-") }
        expect([out.include?("Call-ID one"), Dir.children(@dir)]).to eq([true, ["oversip.sock"]])
      end
    end
  end

  it "that was there and has another name keeps what it had under that one" do
    tracing(a_call("one", "200 OK"))
    File.write(file, "older")
    File.link(file, other)
    oversip("trace", "-o", file)
    expect([File.read(other), File.read(file).include?("Call-ID one")]).to eq(["older", true])
  end

  describe "on a full disk" do
    include Command

    def run(*arguments)
      reader, writer = IO.pipe
      process = Process.spawn(*command(*arguments, "--socket", socket), out: "/dev/full", err: writer)
      writer.close
      error = reader.read
      _, status = Process.wait2(process)
      [error.lines.grep_v(/following/).join, status.exitstatus]
    end

    it "is told in one line" do
      following
      expect(run("trace", "--follow")).to eq(["ERROR: oversip trace: cannot write: No space left on device\n", 1])
      expect(run("trace")).to eq(["ERROR: oversip trace: cannot write: No space left on device\n", 1])
      expect(run("trace", "-o", "/dev/full")).to eq(["ERROR: oversip trace: cannot write /dev/full: No space left on device\n", 1])
    end
  end
end
