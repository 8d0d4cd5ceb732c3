# frozen_string_literal: true

require "tmpdir"
require_relative "command"
require_relative "ports"

# A configuration folder for exe/oversip, and starts of it.
module ServerFolder
  include Command

  def self.included(group)
    group.around { |example| Dir.mktmpdir("oversip") { |dir| (@dir = dir) && example.run } }
    group.after { @daemons&.each { |pid| kill_daemon(pid) } }
  end

  # @return [Integer] a port that nothing else uses just now; a file cannot ask for "any"
  def port
    @port ||= Ports.free
  end

  def in_folder(name)
    File.join(@dir, name)
  end

  def write(name, text)
    File.write(in_folder(name), text)
  end

  # A script that answers.
  ANSWERING = "def (OverSIP::SipEvents).on_request(request) = request.reply(404)\n"

  # Says that it has begun, and computes for long without giving way to other threads.
  COMPUTING = <<~RUBY
    require "openssl"
    def (OverSIP::SipEvents).on_request(_request)
      $stderr.puts "computing"
      OpenSSL::KDF.pbkdf2_hmac("a", salt: "b", iterations: 100_000_000, length: 20, hash: "sha1")
    end
  RUBY

  # Writes a working folder with the given changes.
  #
  # @param core [String] further parameters of that section
  def folder(conf: nil, proxies: "default_proxy:\n", script: ANSWERING, core: "")
    write("oversip.conf", conf || <<~YAML)
      core: {syslog_level: info#{", #{core}" unless core.empty?}}
      sip: {listen_ipv4: 127.0.0.1, listen_port: #{port}, enable_ipv6: no}
    YAML
    write("proxies.conf", proxies)
    write("server.rb", script)
  end

  # @return [String] stderr of a start that has to fail, without times
  def failure(*arguments)
    _, error, status = oversip("--config-dir", @dir, *arguments)
    expect(status.exitstatus).to eq(1)
    without_times(error)
  end

  # @return [String] records as they are without the time that each begins with
  def without_times(text)
    text.gsub(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d /, "")
  end

  # @yieldparam server [Command::Running] in the foreground, serving
  def serving(*arguments, **options)
    running_oversip("--config-dir", @dir, "--no-color", *arguments, **options) do |server|
      server.wait_for(/running, process/)
      yield server
    end
  end

  def pid_file
    in_folder("oversip.pid")
  end

  # @return [String] the log of {#start_daemon}
  def log_file
    in_folder("oversip.log")
  end

  # Starts a daemon, which is killed at the end of the example.
  #
  # @param log [Array<String>] options that say where it logs
  # @return [Array] stdout, stderr and status of the invoked process, whose end the daemon outlives
  def start_daemon(*arguments, log: ["--log-file", log_file])
    files = %w[out err].map { |name| in_folder("daemon.#{name}") }
    pid = Process.spawn(*command("--config-dir", @dir, "--no-color", "--pid", pid_file, *log, *arguments),
                        in: File::NULL, out: files.first, err: files.last)
    _, status = Process.wait2(pid)
    (@daemons ||= []) << daemon_pid if daemon_pid
    [*files.map { |file| File.read(file) }, status]
  end

  # @return [Integer, nil] what the PID file says
  def daemon_pid
    Integer(File.read(pid_file), 10) if File.exist?(pid_file)
  end

  # Whether a process that is no child of this one is there. One that ended and was not fetched yet counts as gone.
  def alive?(pid)
    File.read("/proc/#{pid}/stat")[/\) (\w)/, 1] != "Z"
  rescue Errno::ENOENT, Errno::ESRCH
    false
  end

  private

  def kill_daemon(pid)
    Process.kill("KILL", pid) if alive?(pid)
  rescue Errno::ESRCH
    nil
  end
end
