# frozen_string_literal: true

require "tmpdir"
require "fileutils"
require_relative "ports"

# Kamailio as a registrar that remembers Path (RFC 3327) and sends what comes for a registered user along it.
class Kamailio
  CONFIGURATION = <<~CONFIGURATION
    #!KAMAILIO
    debug=1
    log_stderror=yes
    children=1
    auto_aliases=no
    disable_tcp=yes
    listen=udp:127.0.0.1:%<port>d
    loadmodule "pv"
    loadmodule "sl"
    loadmodule "tm"
    loadmodule "rr"
    loadmodule "usrloc"
    loadmodule "registrar"
    modparam("registrar", "use_path", 1)

    request_route {
      if ($rm == "OPTIONS" && $rU == $null) {
        sl_send_reply("200", "Here");
      } else if ($rm == "REGISTER") {
        save("location");
      } else if (lookup("location")) {
        t_relay();
      } else {
        sl_send_reply("404", "Nobody");
      }
    }
  CONFIGURATION

  attr_reader :port

  # Starts it and waits until it answers.
  #
  # @param peer [UdpPeer] who asks
  def initialize(peer)
    @folder = Dir.mktmpdir("oversip-kamailio")
    @port = Ports.free
    File.write(File.join(@folder, "kamailio.cfg"), format(CONFIGURATION, port: @port))
    @log = File.join(@folder, "log")
    @pid = Process.spawn("kamailio", "-DD", "-E", "-m", "32", "-M", "8", "-Y", @folder, "-f", File.join(@folder, "kamailio.cfg"),
                         "-P", File.join(@folder, "pid"), %i[out err] => @log, :pgroup => true)
    await(peer)
  rescue Errno::ENOENT
    raise "kamailio is missing: bin/setup installs it"
  end

  def close
    Process.kill(:TERM, -@pid)
    Process.wait(@pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil
  ensure
    FileUtils.rm_rf(@folder)
  end

  private

  def await(peer, limit: 60)
    deadline = peer.now + limit
    until peer.now > deadline
      raise "kamailio ended: #{File.read(@log)}" if Process.wait(@pid, Process::WNOHANG)

      peer.send_text(peer.build(:OPTIONS, "sip:127.0.0.1"), @port)
      return if peer.receive?(0.5)
    end
    raise "kamailio does not answer: #{File.read(@log)}"
  end
end
