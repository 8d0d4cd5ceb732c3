# frozen_string_literal: true

require "pathname"
require "support/toolkit_world"

# What a spec hands over by mistake is named; it does not become another message, or another world.
RSpec.describe OverSIP::Testing, "with wrong arguments", :native do
  include ToolkitWorld

  before do
    world_with "gw1.example"
    gateway
  end

  let(:call) { alice.invite("sip:bob@example.com") }

  uri = /\Athe Request-URI is an URI such as "sip:bob@example.com", not .* \(send_raw sends any text\)\z/

  {
    "invite(nil)" => [->(*) { alice.invite(nil) }, uri],
    "invite(\"\")" => [->(*) { alice.invite("") }, uri],
    "invite(\"bob\")" => [->(*) { alice.invite("bob") }, uri],
    "invite(\"sip:bob@b c\")" => [->(*) { alice.invite("sip:bob@b c") }, uri],
    "message(nil)" => [->(*) { alice.message(nil) }, uri],
    "message(uri, 7)" => [->(*) { alice.message("sip:b@example.com", 7) }, "a body is a String or nil, not 7"],
    "request(nil)" => [->(*) { alice.request(nil, "sip:b@example.com") }, "a method is a Symbol such as :INVITE, not nil"],
    "refer(to: \"bob\")" => [->(*) { alice.refer("sip:b@example.com", to: "bob") }, /\Ato: is an URI/],
    "headers: \"Via\"" => [->(*) { alice.options(headers: "Via") }, 'headers: is a Hash of names and values, not "Via"'],
    "headers: { nil => 1 }" => [->(*) { alice.options(headers: { nil => 1 }) }, /\Athe name of a header is/],
    "via: 7" => [->(*) { alice.options(via: 7) }, 'via: is like "udp:192.0.2.1:5060", not 7'],
    "via: without a port" => [->(*) { alice.options(via: "udp:192.0.2.1") }, /\Avia: is like/],
    "send_raw(nil)" => [->(*) { alice.send_raw(nil) }, "send_raw sends a String, not nil"],
    "answers(200).times(-1)" => [->(*) { gateway.answers(503).times(-1) }, "how often is an Integer from 0 on, not -1"],
    "answers(200).after(\"3\")" => [->(*) { gateway.answers(503).after("3") }, /\Aseconds must be/],
    "answers(200, body: 7)" => [->(*) { gateway.answers(200, body: 7) }, /\Aa body is/],
    "answer(\"200\")" => [->(*) { call.peer.answer("200") }, /\Aa status is an Integer/],
    "certificate without a name" => [->(*) { world.certificate }, "a certificate needs a name that it is for"],
    "certificate(nil)" => [->(*) { world.certificate(nil) }, /\Athe name of a certificate is/],
    "call.request(7)" => [->(*) { call.request(7) }, /\Aa method is a Symbol/],
    "call.refer(to: \"carol\")" => [->(*) { call.refer(to: "carol") }, /\Ato: is an URI/],
    "client(certificate:) by UDP" => [->(*) { world.client(:udp, certificate: world.certificate("a.example")) }, /\Acertificate: is for TLS/],
    "target(certificate:) by TCP" => [->(*) { world.target("t", transport: :tcp, certificate: world.certificate("t")) }, /\Acertificate: is for TLS/],
    "call.cancel(headers: 7)" => [->(*) { call.cancel(headers: 7) }, /\Aheaders: is a Hash/],
    "client(nil)" => [->(*) { world.client(nil) }, "the name of a client is a String without spaces, not nil"],
    "client(transport: :sctp)" => [->(*) { world.client(:x, transport: :sctp) }, "a transport is one of :udp, :tcp, :tls, :ws, :wss, not :sctp"],
    "client(address: without a port)" => [->(*) { world.client(:x, address: "192.0.2.9") }, /\Aan address is like "192.0.2.1:5060"/],
    "client(uri: \"x\")" => [->(*) { world.client(:x, uri: "x") }, /\Auri: is an URI/],
    "client(certificate: 7)" => [->(*) { world.client(:x, transport: :tls, certificate: 7) }, /\Aa certificate is what sip.certificate makes/],
    "target(nil)" => [->(*) { world.target(nil) }, "the name of a target is a String without spaces, not nil"],
    "target(port: \"5060\")" => [->(*) { world.target("x", port: "5060") }, 'a port is an Integer from 1 to 65535, not "5060"'],
    "target(transport: \"udp\")" => [->(*) { world.target("x", transport: "udp") }, /\Aa transport is one of :udp, :tcp, :tls, not "udp"/],
    "zone without a block" => [->(*) { world.zone }, "zone needs a block"],
    "srv of a domain" => [->(*) { world.zone { srv "example.com", "x" } }, /\ASRV records have a name like "_sip._udp.example.com"/],
    "srv without hosts" => [->(*) { world.zone { srv "_sip._udp.example.com" } }, "a record needs at least one host"],
    "srv with a wrong port" => [->(*) { world.zone { srv "_sip._udp.example.com", "x:many" } }, 'a port is an Integer from 1 to 65535, not "many"'],
    "a of a name" => [->(*) { world.zone { a "x.example", "y.example" } }, 'an address is like "192.0.2.1", not "y.example"'],
    "aaaa of IPv4" => [->(*) { world.zone { aaaa "x.example", "192.0.2.1" } }, 'an address is like "2001:db8::1", not "192.0.2.1"'],
    "a without a name" => [->(*) { world.zone { a nil, "192.0.2.1" } }, /\Athe name of a record is/],
    "loss(seed: \"x\")" => [->(*) { world.loss(0.1, seed: "x") }, /\Aseed must be an Integer/],
    "loss(delay: \"x\")" => [->(*) { world.loss(0.1, delay: "x") }, /\Adelay must be a number of seconds/],
    "date = 7" => [->(*) { world.date = 7 }, "date is a Time, not 7"],
    "expect_script_error(7)" => [->(*) { world.expect_script_error(7) }, "expect_script_error takes a class of exceptions, or a text, not 7"],
    "target with a port" => [->(*) { world.target("gw:5070") }, 'the name of a target is a host name or an IP address without port and scheme, not "gw:5070"'],
    "target with a scheme" => [->(*) { world.target("sip:gw") }, /without port and scheme/]
  }.each do |name, (block, message)|
    it "refuses #{name}" do
      expect { instance_exec(&block) }.to raise_error(StandardError, message) { |error| expect([ArgumentError, TypeError]).to include(error.class) }
    end
  end

  { script: 7, seed: "x", configuration: 7, proxies: :file }.each do |name, value|
    it "opens no world with #{name}: #{value.inspect}" do
      world.close
      expect { OverSIP::Testing::World.open(name => value) }.to raise_error(ArgumentError, /\A#{name}.* not #{value.inspect}\z/)
      expect(OverSIP::Testing::World.current).to be_nil
    end
  end

  [{ warning: "x" }, [{ warning: "x" }], 99, [200, nil]].each do |result|
    it "keeps as an error of the block that it answers #{result.inspect}" do
      gateway.answers { result }
      alice.options("sip:bob@example.com")
      expect(error_texts).to match([a_string_matching(/\A(?:headers without a status|a status is an Integer)/)])
    end
  end

  it "says which words a zone has" do
    expect { world.zone { foo "x" } }
      .to raise_error(OverSIP::RuntimeError, "`foo` is neither a word of the zone (srv, naptr, a, aaaa, cname, ttl, delay, fails, silent, forget) nor a method of the spec")
    expect { world.zone { aaa "x" } }.to raise_error(OverSIP::RuntimeError, /did you mean 'aaaa'\?\z/)
  end

  it "lets a call end once" do
    call.hang_up
    expect { call.hang_up }.to raise_error(OverSIP::RuntimeError, "alice cannot hang up: the call has ended: its BYE was sent at 0.0 s")
    expect { call.peer.hang_up }.to raise_error(OverSIP::RuntimeError, "gw1.example cannot hang up: the other side has ended the call")
    expect(call.request(:BYE).request.sip_method).to eq(:BYE)
  end

  it "does not hang up a call that was refused" do
    gateway.answers 180, 486
    expect { call.hang_up }.to raise_error(OverSIP::RuntimeError, "alice cannot hang up: the call was answered with 486")
    expect { call.peer.answer 200 }.to raise_error(OverSIP::RuntimeError, "the call at gw1.example was answered with 486 already")
  end

  it "hangs up again after a challenge" do
    gateway.answers_in_dialog(407).once
    expect([call.hang_up.status, call.hang_up(proxy_authorization: "Digest x").status]).to eq([407, 200])
  end

  { configuration: { sip: { listen_prot: 5080 } }, proxies: { default_proxy: { timer_b: 8 } } }.each do |name, value|
    it "knows no parameter that a server would ignore: #{value}" do
      world.close
      mistyped = value.values.first.keys.first.to_s
      file = script("#{value.keys.first}:\n  #{mistyped}: 8\n", name: "x.conf")
      [value, file, Pathname(file)].each do |given|
        expect { OverSIP::Testing::World.open(name => given) }.to raise_error(OverSIP::ConfigurationError, /\[#{mistyped}\] ignored: did you mean/)
      end
    end
  end

  it "knows no section that a server would ignore" do
    world.close
    expect { open_world(configuration: { spi: {} }) }.to raise_error(OverSIP::ConfigurationError, /unknown section 'spi' ignored: did you mean 'sip'/)
  end

  it "logs what a server says of a script" do
    world.close
    open_world(script: script("module OverSIP::SipEvents\n  def on_request(request) = request.reply(200)\nend"))
    expect(world.log.map(&:text)).to match([a_string_matching(/\Aon_request never runs \(.*server.rb:2\): write def self.on_request/)])
  end
end
