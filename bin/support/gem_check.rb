# frozen_string_literal: true

# Run by gem_test.sh with the installed gem: a Uac sends an OPTIONS to a plain UDP socket, which answers it.

require "socket"
require "oversip"

root = ARGV.fetch(0)
inside = $LOADED_FEATURES.grep(/oversip/).select { |path| path.start_with?("#{root}/") }
abort "loaded from the repository, not from the gem: #{inside.inspect}" unless inside.empty?

peer = UDPSocket.new
peer.bind("127.0.0.1", 0)
Thread.new do
  request, sender = peer.recvfrom(65_535)
  copied = request.lines(chomp: true).grep(/\A(?:Via|From|To|Call-ID|CSeq):/)
  peer.send(["SIP/2.0 200 OK", *copied, "Content-Length: 0", "", ""].join("\r\n"), 0, sender[3], sender[1])
end

OverSIP.start(configuration: { sip: { listen_port: 0 } }) do
  request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1:#{peer.local_address.ip_port}" })
  answer = OverSIP::SIP::Uac.new.call(request, timeout: 10)
  abort "the OPTIONS was answered #{answer.status_code}" unless answer.status_code == 200
end
puts "the installed gem #{OverSIP::VERSION} has completed an OPTIONS"
