# frozen_string_literal: true

require_relative "../support/kamailio"
require_relative "../support/sipp"

# Servers that others have written decide whether a Uac's answers to challenges are right.
RSpec.describe "Digest authentication of a Uac", :native do
  include Sipp

  before { start_oversip }

  after { close_sipp }

  # @return [OverSIP::SIP::Response]
  def ask(method, port, host: "127.0.0.1", password: "secret", body: nil)
    uac = OverSIP::SIP::Uac.new(credentials: { username: "alice", password: password })
    request = OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: "sip:#{host}:#{port}", from: "<sip:alice@home.example>" }, [], body)
    uac.call(request, timeout: 30)
  end

  # Its check reads Authorization only: proxies are Kamailio's part.
  describe "is accepted by SIPp" do
    { "without qop" => "", "with qop auth" => ', qop="auth"' }.each do |name, qop|
      it "after a 401 #{name}, and refused with a wrong password" do
        server = sipp_callee("challenge", calls: 2, words: { method: "REGISTER", qop: qop })
        expect(ask(:REGISTER, server.port).status_code).to eq(200)
        expect(ask(:REGISTER, server.port, password: "wrong").status_code).to eq(403)
        expect(server.faults).to eq({}), -> { server.explanation }
      end
    end
  end

  describe "is accepted by Kamailio" do
    configuration = <<~TEXT
      debug=1
      log_stderror=yes
      fork=yes
      children=1
      tcp_children=1
      auto_aliases=no
      listen=udp:%%<ip>s:%%<port>d
      listen=tcp:%%<ip>s:%%<port>d
      mpath="%%<modules>s/"
      loadmodule "sl.so"
      loadmodule "pv.so"
      loadmodule "auth.so"
      modparam("auth", "nonce_count", 1)
      modparam("auth", "qop", "%<qop>s")
      modparam("auth", "algorithm", "%<algorithm>s")

      request_route {
        if ($rm == "OPTIONS") { sl_send_reply("200", "OK"); exit; }
        if ($rm == "REGISTER") {
          if (!pv_www_authenticate("home.example", "secret", "0")) { www_challenge("home.example", "%<flags>s"); exit; }
        } else {
          if (!pv_proxy_authenticate("home.example", "secret", "0")) { proxy_challenge("home.example", "%<flags>s"); exit; }
        }
        sl_send_reply("200", "Welcome");
      }
    TEXT

    %w[MD5 SHA-256].product([%w[auth 1], ["", "0"]]).each do |algorithm, (qop, flags)|
      it "with #{algorithm} and #{qop.empty? ? "no qop" : "qop #{qop}"}, for a server and for a proxy, and refused with a wrong password" do
        text = format(configuration, algorithm: algorithm, qop: qop, flags: flags)
        server = Kamailio.new(configuration: text)
        ask_it = ->(method, **options) { ask(method, server.port, host: Kamailio::IP, **options).status_code }
        expect(ask_it.call(:REGISTER)).to eq(200)
        expect(ask_it.call(:MESSAGE, body: "text")).to eq(200)
        expect(ask_it.call(:REGISTER, password: "wrong")).to eq(401)
        expect(ask_it.call(:MESSAGE, password: "wrong")).to eq(407)
      ensure
        server&.close
      end
    end
  end
end
