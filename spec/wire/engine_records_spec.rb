# frozen_string_literal: true

require "tmpdir"
require_relative "../support/tls_peer"

# What the engine says reaches the log in words that an operator understands, and what does not reach it is counted.
RSpec.describe "Records of the engine", :native do
  it "say how many were dropped while a block held up the way to the log, and go on" do
    seen = mailbox
    held = Thread::Queue.new
    alice = udp_peer
    log = capture_log(level: :info) do
      start_oversip(configuration: { core: { syslog_level: "info", max_like_records: 0 } }) do |request|
        seen << true
        held.pop
        request.reply 200
      end
      # Those that the log of this process has lost under other engines.
      @before = OverSIP.stats[:dropped][:log_records]
      alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example"), oversip_port)
      seen.pop
      # Each is a record: it begins as SIP and is none.
      eventually do
        100.times { alice.send_text("SIP/2.0 200 OK\r\nVia: nothing\r\n\r\n", oversip_port) }
        OverSIP.stats[:dropped][:log_records] > @before + 50
      end
      held << true
      expect(alice.receive_final.status).to eq(200)
      eventually { OverSIP.stats[:dispatcher_queue].zero? }
      OverSIP.schedule { seen << OverSIP.stats[:dropped][:log_records] }
      @dropped = seen.pop
    end
    bodies = log.map(&:body)
    lost = bodies.filter_map { |body| body[/\A(\d+) records? (?:was|were) lost\z/, 1] }
    expect(bodies.grep(/datagram dropped/).size).to be >= 1_900
    expect(lost.sum(&:to_i)).to eq(@dropped - @before)
  end

  it "have no link to the documentation of a library when a connection is closed without close_notify" do
    log = capture_log(level: :info) do |records|
      start_oversip(configuration: tls_configuration(Certificates.for_name("own.example")).merge(core: { syslog_level: "info" })) { |request| request.reply 200 }
      peer = tls_peer
      peer.send_text(peer.build(:OPTIONS, "sip:own.example"))
      expect(peer.receive.status).to eq(200)
      # The end of TCP without the end of TLS.
      peer.ssl.to_io.close_write
      eventually { records.any? { |record| record.body.include?("connection closed") } }
    end
    closed = log.map(&:body).grep(/connection closed/)
    expect(closed).to contain_exactly(/close_notify/)
    expect(log.map(&:body).join).not_to match(%r{https?://})
  end

  it "are written that are made before the engine runs: authorities that it cannot use" do
    Dir.mktmpdir do |folder|
      # OpenSSL takes it for one; its version, X.509 v2, keeps the engine from it.
      usual = Certificates.issue("/CN=Odd Root", authority: true).certificate.to_der
      odd = OpenSSL::X509::Certificate.new(usual.sub("\xA0\x03\x02\x01\x02".b, "\xA0\x03\x02\x01\x01".b))
      File.write(File.join(folder, "odd.pem"), odd.to_pem)
      log = capture_log do
        start_oversip(configuration: tls_configuration(Certificates.for_name("own.example"), ca_dir: folder))
        OverSIP.stop(timeout: 5)
      end
      expect(log.map(&:body).grep(/verify_server cannot use/).size).to eq(1)
    end
  end
end
