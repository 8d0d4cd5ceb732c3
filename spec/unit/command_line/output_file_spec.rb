# frozen_string_literal: true

require "open3"
require "shellwords"
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

      it "is no file and no pipe of another user, who could read it" do
        skip "root alone gives files away" unless Process.euid.zero?
        [-> { File.write(file, "mine") }, -> { File.mkfifo(file) }].each do |make|
          make.call
          File.chown(65_534, 65_534, file)
          message = "cannot write #{file}: it belongs to another user, who could read it; please name another file, or - for stdout\n"
          expect(written(*arguments)).to eq(["ERROR: oversip trace: #{message}", 1])
          expect([File.stat(file).uid, File.size(file)]).to eq([65_534, File.file?(file) ? 4 : 0])
          File.delete(file)
        end
      end

      it "is a new one for who has opened it while others could read it" do
        File.write(file, "older\n")
        File.chmod(0o644, file)
        File.open(file) do |reader|
          written(*arguments)
          expect(reader.read).to eq("older\n")
        end
      end

      it "is a descriptor of the command by its name" do
        reader, writer = IO.pipe
        _, error, status = oversip("trace", *arguments, "-o", "/dev/fd/#{writer.fileno}")
        writer.close
        expect([error.lines.grep(/ERROR/), status, reader.read]).to match([[], 0, /Call-ID one/])
        _, error, status = oversip("trace", *arguments, "-o", "/dev/fd/999")
        expect([error.lines.last, status]).to eq(["ERROR: oversip trace: cannot write /dev/fd/999: Bad file descriptor\n", 1])
      end

      it "leaves no draft after an Interrupt" do
        allow(File).to receive(:rename).and_raise(Interrupt)
        File.write(file, "older")
        expect(written(*arguments)).to eq(["", 130])
        expect([Dir.children(@dir).sort, File.read(file)]).to eq([["oversip.sock", "x.txt"], "older"])
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

  describe "by a shell" do
    include Command

    it "is stdout by the name /dev/stdout, and a process that reads it" do
      tracing(a_call("one", "200 OK"))
      trace = [*command("trace", "--socket", socket), "-o"].shelljoin
      expect(Open3.capture2e("bash", "-c", "#{trace} /dev/stdout | cat; #{trace} >(sed 's/^/read: /') | cat").first)
        .to match(/^200 OK .*^read: 200 OK /m)
    end
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
