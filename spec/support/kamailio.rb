# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "certificates"
require_relative "ports"
require_relative "sip_peer"

# Kamailio, a SIP server that others have written, as registrar and proxy of the domain home.example behind OverSIP.
class Kamailio
  # Seconds until it has to answer.
  LIMIT = 30

  # Another address than the clients', for a server that tells by it who is home.
  IP = "127.0.0.3"

  PROGRAM = [*ENV.fetch("PATH").split(":"), "/usr/sbin"].map { |dir| File.join(dir, "kamailio") }.find { |path| File.executable?(path) }
  MODULES = Dir["/usr/lib/*/kamailio/modules"].first

  CONFIGURATION = <<~TEXT
    debug=1
    log_stderror=yes
    fork=yes
    children=1
    tcp_children=1
    auto_aliases=no
    tcp_reuse_port=yes
    alias="home.example"
    listen=udp:%<ip>s:%<port>d
    listen=tcp:%<ip>s:%<port>d
    mpath="%<modules>s/"
    %<tls>s
    loadmodule "tm.so"
    loadmodule "sl.so"
    loadmodule "rr.so"
    loadmodule "pv.so"
    loadmodule "maxfwd.so"
    loadmodule "siputils.so"
    loadmodule "textops.so"
    loadmodule "usrloc.so"
    loadmodule "registrar.so"
    modparam("registrar", "use_path", 1)
    modparam("registrar", "path_mode", 0)

    request_route {
      if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
      if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
      }
      if (has_totag()) {
        if (loose_route() || is_method("ACK")) { t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
      }
      t_check_trans();
      if (is_method("REGISTER")) {
        save("location");
        exit;
      }
      if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
      %<record_route>s
      if (!lookup("location")) { sl_send_reply("404", "Not registered"); exit; }
      t_relay();
    }
  TEXT

  # By TLS, with a certificate of the authority in {Certificates}; its peers need one of that authority too.
  TLS = <<~TEXT
    enable_tls=yes
    listen=tls:%<ip>s:%<port_tls>d
    loadmodule "tls.so"
    modparam("tls", "tls_method", "TLSv1.2+")
    modparam("tls", "certificate", "%<public_cert>s")
    modparam("tls", "private_key", "%<private_cert>s")
    modparam("tls", "ca_list", "%<ca_dir>s/root.pem")
    modparam("tls", "verify_certificate", 1)
  TEXT

  attr_reader :port

  # Where it listens by TLS, or nil.
  attr_reader :port_tls

  # @param tls [Boolean] whether it listens by TLS too
  # @param record_route [Boolean] whether it stays in the path of dialogs
  # @param configuration [String] another one, with the same places to fill in; it has to answer OPTIONS
  def initialize(ip: IP, tls: false, record_route: true, configuration: CONFIGURATION)
    raise "kamailio is missing: bin/setup installs it" unless PROGRAM

    @ip = ip
    @folder = Dir.mktmpdir("kamailio")
    @port = Ports.free
    @port_tls = Ports.free if tls
    File.write(file("kamailio.cfg"), format(configuration, ip: ip, port: @port, modules: MODULES, tls: tls_settings,
                                                           record_route: record_route ? "record_route();" : ""))
    @pid = Process.spawn(PROGRAM, "-DD", "-E", "-m", "64", "-M", "8", "-f", file("kamailio.cfg"), "-w", @folder, "-Y", @folder,
                         in: File::NULL, out: file("log"), err: %i[child out], pgroup: true)
    wait_until_it_answers
  rescue StandardError
    close
    raise
  end

  # @return [String] what it has said
  def log
    File.exist?(file("log")) ? File.read(file("log")) : ""
  end

  def close
    if @pid
      Process.kill("KILL", -@pid)
      Process.wait(@pid)
      @pid = nil
    end
    FileUtils.remove_entry(@folder)
  end

  private

  def file(name)
    File.join(@folder, name)
  end

  def tls_settings
    port_tls ? format(TLS, ip: @ip, port_tls: port_tls, **Certificates.section(Certificates.for_name(@ip))) : ""
  end

  def wait_until_it_answers
    peer = UdpPeer.new
    deadline = peer.now + LIMIT
    until peer.now > deadline
      raise "Kamailio ended:\n#{log}" if Process.wait(@pid, Process::WNOHANG) && (@pid = nil).nil?

      peer.send_text(peer.build(:OPTIONS, "sip:home.example"), @port, @ip)
      return if peer.receive?(0.2)
    end
    raise "Kamailio does not answer within #{LIMIT} s:\n#{log}"
  ensure
    peer.close
  end
end
