# frozen_string_literal: true

require "tmpdir"
require_relative "../support/certificates"

# OverSIP::TLS: the check of certificates for scripts, and the server's own certificates.
RSpec.describe OverSIP::TLS, :native do
  around { |example| Dir.mktmpdir { |dir| (@dir = dir) && example.run } }

  after { described_class.forget }

  def load(ca_dir: Certificates.authorities, issued: Certificates.for_name)
    described_class.load(Certificates.section(issued, ca_dir: ca_dir))
  end

  def pems(*issued)
    issued.map { |one| one.certificate.to_pem }
  end

  describe ".validate" do
    it "verifies a certificate that an authority has signed, directly or through intermediates" do
      load
      [pems(Certificates.for_name), pems(Certificates.intermediate, Certificates.with_intermediate),
       pems(Certificates.authority, Certificates.intermediate, Certificates.with_intermediate)].each do |chain|
        cert, valid, *rest = described_class.validate(chain)
        expect([cert.to_pem, valid, rest]).to eq([chain.last, true, []])
      end
    end

    # RFC 5924: a client, another server for example, may have a certificate that is for SIP only.
    it "verifies a certificate whatever its extended key usage is" do
      load
      [Certificates::SIP_DOMAIN, "clientAuth", "serverAuth"].each do |usage|
        expect(described_class.validate(pems(Certificates.for_usages(usage)))[1]).to be(true)
      end
    end

    it "reports a fault with OpenSSL's code" do
      load
      { pems(Certificates.with_intermediate) => [20, "unable to get local issuer certificate"],
        pems(Certificates.expired) => [10, "certificate has expired"] }.each do |chain, (code, text)|
        cert, valid, *rest = described_class.validate(chain)
        expect([cert.to_pem, valid, rest]).to eq([chain.last, false, [code, text]])
      end
      expect(described_class.validate(pems(Certificates.self_signed))[1, 2]).to eq([false, 18])
    end

    it "leaves the list as it is" do
      load
      chain = pems(Certificates.intermediate, Certificates.with_intermediate).freeze
      expect(described_class.validate(chain)[1]).to be(true)
      expect(chain.size).to eq(2)
    end

    it "reports a missing certificate, and one that cannot be read" do
      load
      expect(described_class.validate([])).to eq([nil, false, nil, "no certificate provided by peer"])
      cert, valid, error, message = described_class.validate(["no PEM"])
      expect([cert, valid, error]).to eq([nil, false, OpenSSL::X509::CertificateError])
      expect(message).to be_a(String)
    end

    it "has no result without authorities" do
      [-> {}, -> { load(ca_dir: nil) }, -> { load(ca_dir: @dir) }].each do |loading|
        capture_log { loading.call }
        expect(described_class.validate(pems(Certificates.for_name)))
          .to eq([nil, nil, nil, "no CAs provided, validation disabled"])
      end
    end
  end

  describe ".get_sip_identities" do
    def identities(names, subject: "/CN=Common.Example")
      described_class.get_sip_identities(Certificates.issue(subject, names: names).certificate)
    end

    it "are the hosts of sip URIs, in lower case, in order, each once; DNS names do not count beside them" do
      expect(identities(["URI:sip:B.example", "DNS:c.example", "URI:sip:a.example", "URI:SIP:b.example"]))
        .to eq(%w[b.example a.example])
    end

    it "no URI with a user part, no port and no parameter" do
      expect(identities(["URI:sip:b@c.org", "URI:sip:foo.com:5061;transport=tls"])).to eq(["foo.com"])
    end

    it "are not made from text that looks like an entry" do
      crafted = Certificates.issue("/CN=a")
      email = OpenSSL::ASN1::ASN1Data.new("x, URI:sip:evil.example", 1, :CONTEXT_SPECIFIC)
      names = OpenSSL::ASN1::Sequence([email]).to_der
      crafted.certificate.add_extension(OpenSSL::X509::Extension.new("subjectAltName", names))
      crafted.certificate.sign(crafted.key, "SHA256")
      expect(described_class.get_sip_identities(crafted.certificate)).to eq([])
    end

    it "are the DNS names without a sip URI, wildcards as they are; sips and IP entries do not count" do
      expect(identities(["DNS:*.Example.org", "URI:sips:s.example", "IP:192.0.2.1", "DNS:two.example"]))
        .to eq(%w[*.example.org two.example])
      expect(identities(["IP:192.0.2.1"])).to eq([])
    end

    it "are the first common name where there are no alternative names, and none without a certificate" do
      expect(identities(nil)).to eq(["common.example"])
      expect(identities(nil, subject: "/O=Nobody")).to eq([])
      expect(described_class.get_sip_identities(nil)).to eq([])
    end
  end

  describe "the folder of authorities" do
    def write(name, text)
      File.binwrite(File.join(@dir, name), text)
    end

    it "is read file by file: unusable files are left out with a record, the working directory stays" do
      root = Certificates.authority.certificate.to_pem
      old = Certificates.issue("/CN=Old Root", authority: true, from: -20, days: 10).certificate.to_pem
      write("a.pem", "Example Root\n#{root}")
      write("b.crt", root.gsub("\n", "\r\n") + old)
      write(".hidden", Certificates.intermediate.certificate.to_pem)
      write("binary", "\xff\xfe#{root}")
      write("notes", "nothing")
      write("broken.pem", root.sub(/^MII.../, "XXXXXX"))
      Dir.mkdir(File.join(@dir, "more"))
      here = Dir.pwd
      loaded = nil
      log = capture_log(level: :warn) { loaded = load(ca_dir: @dir) }
      expect(Dir.pwd).to eq(here)
      expect(loaded[:authorities]).to eq([Certificates.authority.certificate.to_der])
      expect(log.map { |record| [record.severity, record.body] })
        .to include([:error, /binary' is not UTF-8/], [:warn, /no certificate in '.*notes'/], [:error, /broken.pem/],
                    [:warn, /there 2 times/])
      expect(described_class.validate(pems(Certificates.for_name))[1]).to be(true)
    end
  end

  it "names all authorities that have expired in one record, and all that are there more than once in another" do
    old = Array.new(3) { |number| Certificates.issue("/CN=Old Root #{number}", authority: true, from: -20, days: 10) }
    File.write(File.join(@dir, "old.pem"), old.map { |issued| issued.certificate.to_pem }.join)
    twice = [Certificates.authority, Certificates.intermediate] * 2
    File.write(File.join(@dir, "twice.pem"), twice.map { |issued| issued.certificate.to_pem }.join)
    log = capture_log(level: :info) { load(ca_dir: @dir) }
    expect(log.map { |record| [record.severity, record.body] })
      .to match([[:info, "CA certificates that have expired are left out: 3 (/CN=Old Root 0, /CN=Old Root 1, /CN=Old Root 2)"],
                 [:warn, /\ACA certificates are there more than once: .*\(there 2 times\), .*\(there 2 times\)\z/]])
  end

  it "says which files of the folder of authorities may not be read" do
    closed = File.join(@dir, "closed.pem")
    [closed, File.join(@dir, "open.pem")].each { |file| File.write(file, Certificates.authority.certificate.to_pem) }
    allow(File).to receive(:readable?).and_call_original
    allow(File).to receive(:readable?).with(closed).and_return(false)
    log = capture_log(level: :warn) { load(ca_dir: @dir) }
    expect(log.map(&:body)).to eq(["CA certificates that may not be read are left out: #{closed}"])
  end

  describe "the server's own certificate" do
    it "has its file names in OverSIP.tls_public_cert and tls_private_cert" do
      section = Certificates.section
      described_class.load(section)
      expect([OverSIP.tls_public_cert, OverSIP.tls_private_cert]).to eq(section.values_at(:public_cert, :private_cert))
      described_class.load({ public_cert: nil, private_cert: nil, ca_dir: nil })
      expect([OverSIP.tls_public_cert, OverSIP.tls_private_cert]).to eq([nil, nil])
    end

    { "RSA, 1024 bits" => -> { OpenSSL::PKey::RSA.new(1024) },
      "EC on secp521r1, 521 bits" => -> { OpenSSL::PKey::EC.generate("secp521r1") },
      "DSA, 1024 bits" => -> { OpenSSL::PKey::DSA.new(1024) } }
      .each do |text, key|
      it "is refused with a key that cannot be used: #{text}" do
        issued = Certificates.issue("/CN=a", names: ["DNS:a"], issuer: Certificates.authority, key: key.call)
        expect { load(issued: issued) }
          .to raise_error(OverSIP::ConfigurationError, /\Atls\[private_cert\] is a key that TLS cannot use: #{text} /)
      end
    end

    it "is refused with the key of another one" do
      issued = Certificates.for_name.dup.tap { |copy| copy.key = Certificates.self_signed.key }
      expect { load(issued: issued) }.to raise_error(OverSIP::ConfigurationError, /is not the key of tls\[public_cert\]/)
    end
  end
end
