# frozen_string_literal: true

require_relative "../support/browser"
require_relative "../support/kamailio"
require_relative "../support/server_folder"

# All on one address, as a newcomer tries it: what `oversip init` writes, Kamailio as home, a page in a browser, a phone by UDP.
RSpec.describe "A page in Chromium, and the server that oversip init writes", :browser, :native do
  include ServerFolder

  let!(:caller) { udp_peer }
  let!(:kamailio) { Kamailio.new(ip: "127.0.0.1").tap { |registrar| opened << registrar } }
  let!(:browser) { Browser.new.tap { |page| opened << page } }
  let(:websocket) { Ports.free }

  # Only the ports are others than the written ones.
  def serving_as_written(&)
    oversip("init", @dir)
    conf = File.read(in_folder("oversip.conf")).gsub("  #  listen_ipv4: null", "  listen_ipv4: 127.0.0.1")
    conf = conf.sub("  #  listen_port: 5060", "  listen_port: #{port}").sub("  #  listen_port: 10080", "  listen_port: #{websocket}")
    write("oversip.conf", conf.gsub("  #  enable_ipv6: yes", "  enable_ipv6: no"))
    write("server.rb", File.read(in_folder("server.rb")).sub('["127.0.0.1", 5070, :udp]', "[\"127.0.0.1\", #{kamailio.port}, :udp]"))
    serving(&)
  end

  # Calls the page by the server.
  #
  # @return [SipText] the answer
  def call_page
    headers = { "Content-Type" => "application/sdp", "To" => "<sip:alice@home.example>" }
    caller.send_text(caller.build(:INVITE, "sip:alice@home.example", headers: headers, body: Browser.offer), port)
    answer = caller.receive_final(limit: Browser::LIMIT)
    expect([answer.status, answer.headers("Record-Route").join.scan("ovcode=").size]).to match([200, be >= 2])
    caller.send_text(caller.in_dialog(:ACK, answer, cseq: 1), port)
    answer
  end

  # What the page has noted of such an event.
  def noted(event, count)
    eventually(limit: Browser::LIMIT) do
      browser.seen.select { |seen| seen["event"] == event }.then do |all|
        all if all.size == count
      end
    end
  end

  it "find each other: it registers, is called, is hung up on and hangs up" do
    serving_as_written do |server|
      browser.start("ws://127.0.0.1:#{websocket}", "sip:alice@home.example")
      expect(browser.await("registered")).to include("status" => 200)

      answer = call_page
      noted("confirmed", 1)
      caller.send_text(caller.in_dialog(:BYE, answer, cseq: 2), port)
      expect(caller.receive_until(limit: Browser::LIMIT) { |message| message.header("CSeq") == "2 BYE" }.status).to eq(200)
      expect(noted("ended", 1).last).to include("originator" => "remote")

      call_page
      noted("confirmed", 2)
      browser.run("phone.agent.terminateSessions()")
      bye = caller.receive_until(limit: Browser::LIMIT) { |message| message.method_name == "BYE" && message.request? }
      caller.answer(bye, 200)
      expect(noted("ended", 2).last).to include("originator" => "local")
      expect(server.output).not_to match(/WARN|ERROR|CRIT/)
    end
  end
end
