# frozen_string_literal: true

require "socket"
require_relative "../support/started_rows"

# What a start that fails says on the terminal, and its exit status, table by table: programs around the server read it.
RSpec.describe "A start that fails", :native do
  include StartedRows

  # Each row has its folder and the records of its start, which are `CRIT` of the launcher where nothing else is said.
  def expect_failures(rows)
    expected = rows.to_h { |name, (_, *records)| [name, [1, records.map { |record| crit(record) }]] }
    found = starts(rows.transform_values(&:first))
    rows.each_key { |name| expect([name, *found[name]]).to match([name, *expected[name]]) }
  end

  def crit(record)
    record.is_a?(Regexp) || record.match?(/\A[A-Z]+: /) ? record : "CRIT: <launcher> #{record}"
  end

  def does_not_satisfy(parameter, value, rule, reason = nil)
    ["#{parameter} has invalid value '#{value}' (does not satisfy '#{rule}' validation requirement)", reason].compact.join(": ")
  end

  # Why 0.0.0.0 and :: do not do.
  def unspecified(family)
    "it means every address of this machine, but Via and Record-Route need one that peers can send to: leave the parameter out for " \
      "the address that faces the network, or write that one; behind NAT advertised_#{family} says the public one"
  end

  it "names the parameter of oversip.conf, its value and the rule that it breaks" do
    rows = {
      "core: {nameservers: [127.0.0.1, 0.0.0.0]}" => ["core[nameservers]", "0.0.0.0", "nameserver", "write 127.0.0.1 for a server on this machine"],
      "core: {syslog_facility: mail}" => ["core[syslog_facility]", "mail", "choices",
                                          "one of kern, user, daemon, local0, local1, local2, local3, local4, local5, local6, local7"],
      "sip: {sip_udp: 'yes'}" => ["sip[sip_udp]", "yes", "boolean", "the quotes make a text of yes: write yes without them"],
      "sip: {listen_ipv4: yes}" => ["sip[listen_ipv4]", "yes", "ipv4",
                                    "an address such as 192.0.2.1: four numbers up to 255 without leading zeros, no name"],
      "sip: {listen_ipv4: 0.0.0.0}" => ["sip[listen_ipv4]", "0.0.0.0", "ipv4", unspecified("ipv4")],
      "sip: {listen_ipv6: '::'}" => ["sip[listen_ipv6]", "::", "ipv6", unspecified("ipv6")],
      "sip: {listen_port: 65536}" => ["sip[listen_port]", "65536", "port", "65536 is above the bound: 1 to 65535"],
      "sip: {local_domains: [good.example, 'bad.']}" => ["sip[local_domains]", "bad.", "domain",
                                                         "a domain such as example.net: no scheme, no port, no dot at its end"],
      "sip: {tcp_keepalive_interval: often}" => ["sip[tcp_keepalive_interval]", "often", "fixnum", "a whole number of seconds, at least 180"],
      "sip: {tcp_keepalive_interval: 179}" => ["sip[tcp_keepalive_interval]", "179", "greater_equal_than",
                                               "179 is below the bound: at least 180 seconds"],
      "websocket: {max_ws_frame_size: 1048576}" => ["websocket[max_ws_frame_size]", "1048576", "minor_than",
                                                    "1048576 is above the bound: 125 to 1048575 bytes"],
      "tls: {public_cert: none.crt}" => ["tls[public_cert]", "DIR/tls/none.crt", "readable_file", "there is no folder DIR/tls"],
      "tls: {ca_dir: /none}" => ["tls[ca_dir]", "/none", "readable_dir", "there is nothing of that name"]
    }.to_h { |conf, message| [conf, [{ conf: conf }, does_not_satisfy(*message)]] }
    rows["a list"] = [{ conf: "sip: {listen_port: [5060, 5062]}" }, "sip[listen_port] does not allow multiple values"]
    # A file that is there, but is none of the kind.
    file = File.join(Command::ROOT, "LICENSE")
    { public_cert: %w[certificate tls_pem_chain], private_cert: ["private key without passphrase", "tls_pem_private"] }
      .each do |name, (kind, rule)|
        cause = /\AERROR: <Config> #{Regexp.escape(file)} has no usable #{kind}: ./
        rows[name.to_s] = [{ conf: "tls: {#{name}: #{file}}" }, cause, does_not_satisfy("tls[#{name}]", file, rule)]
      end
    expect_failures(rows)
  end

  it "names the profile of proxies.conf, its parameter, its value, the rule and the file" do
    rows = {
      "- a" => "invalid proxies configuration file, it is not a collection",
      "" => "invalid proxies configuration file, it is not a collection",
      "1: {}" => "proxy name is not a string (1)",
      "default_proxy: 5" => "proxy 'default_proxy' must be a mapping of parameters, not 5",
      "timer_B: 5" => "proxy 'timer_B' must be a mapping of parameters, not 5: it is a parameter and stands in a profile",
      "p: {use_dns: 'no'}" => does_not_satisfy("p[use_dns]", "no", "boolean", "the quotes make a text of no: write no without them"),
      "p: {dns_cache_time: 299}" => does_not_satisfy("p[dns_cache_time]", "299", "greater_equal_than",
                                                     "299 is below the bound: 300 to 1000000000 seconds"),
      "p: {blacklist_time: 601}" => does_not_satisfy("p[blacklist_time]", "601", "minor_equal_than",
                                                     "601 is above the bound: 2 to 600 seconds"),
      "p: {timer_B: 2.5}" => does_not_satisfy("p[timer_B]", "2.5", "fixnum", "a whole number of seconds, 2 to 64"),
      "p: {transport_preference: [udp, ws]}" => does_not_satisfy("p[transport_preference]", "ws", "choices", "one of tls, tcp, udp"),
      "p: {ip_type_preference: []}" => "p[ip_type_preference] does not allow empty values",
      "p: {use_srv: [yes]}" => "p[use_srv] does not allow multiple values"
    }.to_h { |text, message| [text, [{ proxies: text }, "error in Proxies Configuration file 'DIR/proxies.conf': #{message}"]] }
    expect_failures(rows)
  end

  it "names the file that it cannot load, and why" do
    loading = { conf: "Main Configuration", proxies: "Proxies Configuration", script: "Server" }
    rows = loading.flat_map do |file, title|
      name = StartedRows::FILES.fetch(file)
      summary = "error loading #{title} file 'DIR/#{name}':"
      missing = file == :script ? /\ACRIT: <launcher> .*LoadError/ : /\ACRIT: <launcher> No such file .*Errno::ENOENT/
      broken = file == :script ? /\ACRIT: <launcher> .*SyntaxError|\ACRIT: <launcher> .*server\.rb/ : /\ACRIT: <launcher> .*Psych/
      [["no #{name}", [{ file => nil }, summary, missing]],
       ["a broken #{name}", [{ file => "a: [\n" }, summary, broken]]]
    end.to_h
    rows["a raising server.rb, and a wrong value"] = [{ conf: "sip: {listen_port: 0}", script: "raise KeyError, 'no database'" },
                                                      "error loading Server file 'DIR/server.rb':", "no database (KeyError)"]
    expect_failures(rows)
  end

  it "names the address and port that it cannot have" do
    taken, clash, privileged = Array.new(3) { Ports.free }
    raising = lambda do |error|
      { conf: listening(privileged), library: "require 'socket'\nclass Socket; def bind(*) = raise(Errno::#{error}); end" }
    end
    rows = {
      "an address of others" => [{ conf: listening(listen_ipv4: "192.0.2.1") },
                                 "configuration error: cannot bind in UDP IP '192.0.2.1', address not available"],
      "a UDP port of others" => [{ conf: listening(taken) },
                                 "configuration error: UDP IP '127.0.0.1' and port #{taken} already in use"],
      "a TCP port of others" => [{ conf: listening(taken, sip_udp: "no") },
                                 "configuration error: TCP IP '127.0.0.1' and port #{taken} already in use"],
      "a port twice" => [{ conf: "#{listening(clash)}websocket: {sip_ws: yes, listen_ipv4: 127.0.0.1, " \
                                 "listen_port: #{clash}, enable_ipv6: no}" },
                         "configuration error: TCP IP '127.0.0.1' and port #{clash} already in use: " \
                         "sip[listen_port] and websocket[listen_port] ask for it"],
      "a port for root" => [raising.call("EACCES"),
                            "configuration error: no permission to bind in UDP IP '127.0.0.1' and port #{privileged}"],
      "another failure" => [raising.call("ENOBUFS"),
                            "error binding in UDP IP '127.0.0.1' and port #{privileged} " \
                            "(Errno::ENOBUFS: #{Errno::ENOBUFS.new.message})"]
    }
    udp = udp_peer(port: taken)
    tcp = TCPServer.new("127.0.0.1", udp.port)
    expect_failures(rows)
  ensure
    tcp&.close
  end

  describe "as a daemon" do
    let(:failed) { "master process failed to start" }

    it "says how its master has ended" do
      expect_failures(
        "killed" => [{ script: "def (OverSIP::SystemEvents).on_initialize = Process.kill('KILL', Process.pid) && sleep" }, failed],
        "raised" => [{ script: "def (OverSIP::SystemEvents).on_initialize = raise(KeyError, 'no database')" },
                     "CRIT: <launcher (master)> error in a start event:", "no database (KeyError)", failed],
        "exit" => [{ script: "OverSIP::SystemCallbacks.on_started { exit 0 }" },
                   "CRIT: <launcher (master)> error in a start event:", "exit (SystemExit)", failed],
        "fatal" => [{ script: "def (OverSIP::SystemEvents).on_started = OverSIP::Launcher.fatal('no licence')" },
                    "no licence", "exiting with error status", failed]
      )
    end

    it "gives up a master that does not come up in time" do
      short = "OverSIP::Daemon.send(:remove_const, :LIMIT)\nOverSIP::Daemon::LIMIT = 2\n"
      # It ends with the folder, after the end of the example.
      silent = "class OverSIP::Daemon::Channel\ndef tell_pid\nsleep 0.05 while File.exist?(#{@dir.dump})\nexit!\nend\nend"
      expect_failures("no number" => [{ library: short + silent }, "master process didn't notify its PID within 2 seconds"],
                      "no end of its start" => [{ library: short, script: "OverSIP::SystemCallbacks.on_started { sleep }" },
                                                "master process killed"])
    end

    it "says what keeps it from its PID file" do
      # Root may do anything with a file: the file is made when the rights are given up.
      File.chmod(0o777, @dir)
      someone = Process.euid.zero? ? ["--user", "nobody"] : []
      file = ->(name, mode, text = "") { in_folder(name).tap { |path| File.write(path, text) && File.chmod(mode, path) } }
      Dir.mkdir(in_folder("folder"))
      Dir.mkdir(in_folder("closed"))
      File.chmod(0o555, in_folder("closed"))
      # A process that lives has its file locked.
      locked = lambda do |name, text|
        file.call(name, 0o666, text).tap { |path| (@locked ||= []) << File.open(path).tap { |open| open.flock(File::LOCK_EX) } }
      end
      said = ->(message, path) { message.is_a?(Array) ? message : [format(message, path), failed] }
      {
        in_folder("folder") => "cannot create PID file: '%s' exits and is not a regular file",
        file.call("unreadable", 0o000) => "cannot create PID file: '%s' is not readable",
        file.call("unwritable", 0o444) => "cannot create PID file: '%s' is not writable",
        in_folder("closed/pid") => "cannot create PID file: directory '#{in_folder("closed")}' is not writable",
        in_folder("none/pid") => "cannot create PID file: directory '#{in_folder("none")}' is not writable",
        # Said before the ports are looked at.
        locked.call("own", "#{Process.pid}\n") => ["already running on PID #{Process.pid}"],
        locked.call("first", "1\n") => ["already running on PID 1"]
      }.to_h { |path, message| [path, [{ arguments: ["--pid", path, *someone] }, *said.call(message, path)]] }
        .then { |rows| expect_failures(rows) }
      expect(File.read(in_folder("own"))).to eq("#{Process.pid}\n")
    end
  end

  it "names options that it does not have, users and groups that are not there" do
    rows = {
      "not by root" => [{ library: "def Process.euid = 65_534", arguments: ["-u", "no-such"], conf: "sip: {listen_port: 0}" },
                        "WARN: <launcher> not started by root: --user and --group are ignored",
                        does_not_satisfy("sip[listen_port]", "0", "port", "a file has to name the port: 1 to 65535")],
      "option" => [{ arguments: ["--no-such"] }, "ERROR: oversip invalid option: --no-such"],
      "argument" => [{ arguments: ["--process-name"] }, "ERROR: oversip missing argument: --process-name"]
    }
    if Process.euid.zero?
      rows["user"] = [{ arguments: ["-u", "no-such"] }, "user 'no-such' does not exist in the system"]
      rows["group"] = [{ arguments: ["-g", "no-such"] }, "group 'no-such' does not exist in the system"]
    end
    expect_failures(rows)
  end
end
