# frozen_string_literal: true

# Run by gem_test.sh with the installed gem: it has no files that only tests need, and a Uac sends an OPTIONS to a plain UDP
# socket, which answers it.

require "socket"
require "oversip"

root = ARGV.fetch(0)
inside = $LOADED_FEATURES.grep(/oversip/).select { |path| path.start_with?("#{root}/") }
abort "loaded from the repository, not from the gem: #{inside.inspect}" unless inside.empty?

# Files of Rust that are modules of tests alone: `#[cfg(test)]`, maybe a path, then `mod name;`.
def test_modules(file)
  declaration = /^#\[cfg\(test\)\]\n(?:#\[path = "([^"]+)"\]\n)?(?:pub(?:\([a-z]+\))? )?mod (\w+);/
  File.read(file).scan(declaration).flat_map do |path, name|
    folder = File.dirname(file)
    beside = %w[mod lib].include?(File.basename(file, ".rs")) ? folder : file.delete_suffix(".rs")
    path ? [File.join(folder, path)] : [File.join(beside, "#{name}.rs"), File.join(beside, name)]
  end
end

gem = Gem.loaded_specs.fetch("oversip-rs").full_gem_path
sources = Dir[File.join(gem, "{src,ext}", "**", "*.rs")]
abort "no sources in #{gem}" if sources.size < 100
surplus = sources.flat_map { |file| test_modules(file) }.select { |path| File.exist?(path) }
surplus += Dir[File.join(gem, "{spec,tests,fuzz,bin,script}")]
abort "what only tests need is in the gem: #{surplus.inspect}" unless surplus.empty?

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
