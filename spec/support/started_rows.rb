# frozen_string_literal: true

require_relative "server_folder"

# Starts of a daemon, some at a time, that differ in a file or an option: the rows of a table.
module StartedRows
  AT_A_TIME = 3

  FILES = { conf: "oversip.conf", proxies: "proxies.conf", script: "server.rb", library: "first_of_all.rb" }.freeze

  # What a folder says where its row says nothing.
  USUAL = { proxies: "default_proxy:\n", script: "", library: "" }.freeze

  def self.included(group)
    group.include ServerFolder
  end

  # Starts a daemon for each row, which has a folder of its own.
  #
  # @param rows [Hash{String => Hash}] what is in which of {FILES} (`library` is loaded before anything else), nil where there is
  #   none, and `arguments`
  # @return [Hash{String => Array}] for each the exit status and the records on stderr, its folder written as DIR
  def starts(rows)
    waiting = Thread::Queue.new
    rows.each_with_index { |(name, row), index| waiting << [name, row, in_folder("row#{index}")] }
    waiting.close
    found = Array.new(AT_A_TIME) { Thread.new { started(waiting) } }.flat_map(&:value).to_h
    rows.to_h { |name, _| [name, found.fetch(name)] }
  end

  # An oversip.conf that works.
  #
  # @param sip [Hash] further parameters of that section
  def listening(port = Ports.free, **sip)
    values = { listen_ipv4: "127.0.0.1", listen_port: port, enable_ipv6: "no" }.merge(sip)
    "core: {syslog_level: warn}\nsip: {#{values.map { |name, value| "#{name}: #{value}" }.join(", ")}}\n"
  end

  private

  def started(waiting)
    found = []
    while (name, row, folder = waiting.pop)
      found << [name, start_row(folder, **row)]
    end
    found
  end

  def start_row(folder, arguments: [], **files)
    Dir.mkdir(folder)
    { conf: listening, **USUAL, **files }.compact.each { |file, text| File.write(File.join(folder, FILES.fetch(file)), text) }
    errors = File.join(folder, "errors")
    child = Process.spawn(*command("--config-dir", folder, "-I", folder, "-r", "first_of_all", "--no-color",
                                   "--pid", File.join(folder, "pid"), "--log-file", File.join(folder, "log"), *arguments),
                          in: File::NULL, out: File.join(folder, "out"), err: errors)
    waiter = Process.detach(child)
    waiter.join(Command::Running::LIMIT) or Process.kill("KILL", child)
    status = waiter.value.exitstatus
    [status, File.read(errors).gsub(folder, "DIR").lines(chomp: true).grep(/\A[A-Z]+: /)]
  end
end
