# frozen_string_literal: true

require_relative "../support/server_folder"
require_relative "../support/tls_peer"

# Certificates that are replaced while the server runs: the files keep their names.
RSpec.describe "A renewed certificate", :native do
  let(:old) { Certificates.for_name("old.example") }
  let(:fresh) { Certificates.for_name("new.example") }
  let(:weak) { Certificates.rsa(bits: 1024) }

  # Puts a certificate and its key in the place of others, as a client of an authority does.
  def install(issued, tls, key: issued.key)
    { public_cert: issued.pem, private_cert: key.private_to_pem }.each do |name, text|
      File.write("#{tls[name]}.new", text)
      File.rename("#{tls[name]}.new", tls[name])
    end
  end

  def shown(port = tls_port, **options)
    tls_peer(port, **options).ssl.peer_cert.subject.to_s
  end

  describe "in the engine" do
    let(:configuration) do
      tls_configuration(old).merge(websocket: { sip_wss: true, listen_port_tls: 0, listen_ipv4: "127.0.0.1", enable_ipv6: false })
    end
    let(:tls) { configuration[:tls] }

    before { start_oversip(configuration: configuration) { |request| request.reply 200 } }

    def renew
      OverSIP::TLS.renew(OverSIP.configuration[:tls])
    end

    it "is shown in new handshakes over TLS and WSS, and connections that are up go on" do
      peer = tls_peer
      expect(peer.ssl.peer_cert.subject.to_s).to eq("/CN=old.example")
      install(fresh, tls)
      expect(renew.subject.to_s).to eq("/CN=new.example")
      expect([shown, shown(OverSIP.configuration[:websocket][:listen_port_tls])]).to all(eq("/CN=new.example"))
      %w[TLS1_2 TLS1_3].each do |version|
        again = tls_peer { |context| context.min_version = context.max_version = OpenSSL::SSL.const_get("#{version}_VERSION") }
        expect(again.ssl.peer_cert.subject.to_s).to eq("/CN=new.example")
      end

      peer.send_text(peer.build(:OPTIONS, "sip:own.example"))
      expect(peer.receive.status).to eq(200)
      expect(renew).to be_nil # nothing has changed since
    end

    it "is shown even to a client that resumes a session" do
      context = OpenSSL::SSL::SSLContext.new
      context.session_cache_mode = OpenSSL::SSL::SSLContext::SESSION_CACHE_CLIENT
      context.max_version = OpenSSL::SSL::TLS1_2_VERSION
      session = resumed_handshake(context) { |ssl| expect(ssl.peer_cert.subject.to_s).to eq("/CN=old.example") }
      install(fresh, tls)
      renew
      resumed_handshake(context, session) do |ssl|
        expect([ssl.session_reused?, ssl.peer_cert.subject.to_s]).to eq([false, "/CN=new.example"])
      end
    end

    def resumed_handshake(context, session = nil)
      tcp = TCPSocket.new("127.0.0.1", tls_port)
      ssl = OpenSSL::SSL::SSLSocket.new(tcp, context)
      ssl.session = session if session
      ssl.connect
      yield ssl
      ssl.session
    ensure
      tcp&.close
    end

    it "is shown to servers that ask for it" do
      install(fresh, tls)
      renew
      server = tls_server
      OverSIP::SIP::Uac.new.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1:#{server.port};transport=tls" })
      expect(server.accept.ssl.peer_cert.subject.to_s).to eq("/CN=new.example")
    end

    it "comes with the present authorities" do
      authorities = File.join(Certificates.folder, "renewed-ca")
      Dir.mkdir(authorities)
      File.write(File.join(authorities, "other.pem"), Certificates.self_signed.certificate.to_pem)
      OverSIP.stop(timeout: 0)
      start_oversip(configuration: tls_configuration(old, ca_dir: authorities), proxies: { default_proxy: { verify_server: true } })
      outcome = mailbox
      ask = lambda do |server|
        uac = OverSIP::SIP::Uac.new
        uac.on_success_response { |response| outcome << response.status_code }
        uac.on_error { |*error| outcome << error.last }
        uac.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1:#{server.port};transport=tls" })
      end
      server = tls_server(Certificates.for_name("127.0.0.1"))
      ask.call(server)
      server.accept_refused
      expect(outcome.pop).to eq(:tls_validation_failed)
      expect(OverSIP::TLS.validate([old.certificate.to_pem])[1]).to be(false)

      File.write(File.join(authorities, "root.pem"), Certificates.authority.certificate.to_pem)
      renew
      expect(OverSIP::TLS.validate([old.certificate.to_pem])[1]).to be(true)
      other = tls_server(Certificates.for_name("127.0.0.1"))
      ask.call(other)
      peer = other.accept
      peer.answer(peer.receive, 200)
      expect(outcome.pop).to eq(200)
    ensure
      FileUtils.rm_rf(authorities) if authorities
    end

    it "is refused when it is unusable, and the old one stays" do
      {
        -> { install(fresh, tls, key: old.key) } => /tls\[private_cert\] is not the key of tls\[public_cert\]/,
        -> { install(weak, tls) } => /a key that TLS cannot use: RSA, 1024 bits/,
        -> { install(Certificates.expired, tls) } => /#{tls[:public_cert]} has expired on/,
        -> { install(Certificates.issue("/CN=later", issuer: Certificates.authority, from: 2), tls) } => /is not valid before/,
        -> { File.write(tls[:public_cert], "nothing") } => /tls\[public_cert\] has invalid value .*'tls_pem_chain'/,
        -> { install(fresh, tls) && File.delete(tls[:private_cert]) } => /tls\[private_cert\] has invalid value .*: there is nothing of that name/
      }.each do |break_it, reason|
        break_it.call
        capture_log { expect { renew }.to raise_error(OverSIP::ConfigurationError, reason) }
        expect(shown).to eq("/CN=old.example")
      end
      install(fresh, tls)
      expect(renew.subject.to_s).to eq("/CN=new.example")
    end
  end

  describe "at HUP" do
    include ServerFolder

    let(:secure_port) { Ports.free }

    before do
      tls = Certificates.section(old, ca_dir: nil)
      Dir.mkdir(in_folder("tls"))
      { "own.crt" => :public_cert, "own.key" => :private_cert }.each { |name, part| FileUtils.cp(tls[part], in_folder("tls/#{name}")) }
      folder(conf: <<~YAML)
        sip: {listen_ipv4: 127.0.0.1, listen_port: #{port}, enable_ipv6: no, sip_tls: yes, listen_port_tls: #{secure_port}}
        tls: {public_cert: own.crt, private_cert: own.key}
      YAML
    end

    def files
      { public_cert: in_folder("tls/own.crt"), private_cert: in_folder("tls/own.key") }
    end

    def hang_up(server, awaited)
      seen = server.output.size
      server.signal("HUP")
      server.wait_for(awaited, from: seen)
    end

    it "is used, with a record; an unusable one is refused, with a record" do
      # The last step of a reload speaks.
      folder_script = "#{ServerFolder::ANSWERING}OverSIP::SystemCallbacks.on_reload { OverSIP::SipEvents.log_notice 'reloaded' } " \
                      "if OverSIP::SystemCallbacks.on_reload_callbacks.empty?"
      write("server.rb", folder_script)
      serving do |server|
        peer = tls_peer(secure_port)
        seen = server.output.size
        hang_up(server, /reloaded/)
        expect(server.output[seen..]).not_to include("certificate") # nothing has changed

        install(fresh, files)
        hang_up(server, /NOTICE: .* certificate read again: .CN=new.example, valid until .*reloaded/m)
        expect(shown(secure_port)).to eq("/CN=new.example")

        install(old, files, key: fresh.key)
        hang_up(server, /ERROR: .* certificate not read again, the old one stays: tls.private_cert. is not the key of .*reloaded/m)
        expect(shown(secure_port)).to eq("/CN=new.example")

        peer.send_text(peer.build(:OPTIONS, "sip:own.example"))
        expect(peer.receive.status).to eq(404)
      end
    end

    it "has to be readable for the user of the server; without a renewal there is no record", if: Process.euid.zero? do
      write("server.rb", "#{ServerFolder::ANSWERING}OverSIP::SystemCallbacks.on_reload { OverSIP::SipEvents.log_notice 'reloaded' }")
      File.chmod(0o755, @dir)
      File.chmod(0o600, files[:private_cert])
      serving("--user", "nobody") do |server|
        seen = server.output.size
        hang_up(server, /reloaded/)
        expect(server.output[seen..]).not_to include("certificate")

        install(fresh, files)
        File.chmod(0o600, files[:private_cert])
        hang_up(server, /ERROR: .* certificate not read again, the old one stays: tls.private_cert. .*: the user nobody may not read it/)
        expect(shown(secure_port)).to eq("/CN=old.example")

        File.chown(Process::UID.from_name("nobody"), nil, files[:private_cert])
        hang_up(server, /NOTICE: .* certificate read again: .CN=new.example/)
        expect(shown(secure_port)).to eq("/CN=new.example")
      end
    end
  end
end
