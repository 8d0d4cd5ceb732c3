# frozen_string_literal: true

require_relative "../support/browser"
require_relative "../support/kamailio"
require_relative "../support/websocket_peer"

# A page in a real browser registers at Kamailio through the server by secure WebSocket and is called over its own flow.
RSpec.describe "A page in Chromium", :browser, :native do
  let!(:caller) { udp_peer }
  let!(:kamailio) { Kamailio.new(ip: "127.0.0.1", record_route: false).tap { |registrar| opened << registrar } }
  let!(:browser) { Browser.new.tap { |page| opened << page } }

  # What the script of a WebSocket edge proxy amounts to: clients go to the registrar, the registrar to the clients.
  def serve_edge
    start_secure_websocket do |request|
      proxy = OverSIP::SIP::Proxy.new
      request.loose_route
      if request.incoming_outbound_requested? || request.in_dialog?
        proxy.route(request)
      else
        proxy.route(request, "127.0.0.1", kamailio.port, :udp)
      end
    end
  end

  def send_to_alice(method, type, body)
    headers = { "Content-Type" => type }
    caller.send_text(caller.build(method, "sip:alice@b.example", headers: headers, body: body), kamailio.port)
    caller.receive_final(limit: Browser::LIMIT)
  end

  # A request of the dialog, along the Route that the answer has recorded: it leads over the server to the page.
  def send_in_dialog(method, answer, cseq)
    caller.send_text(caller.in_dialog(method, answer, cseq: cseq), oversip_port)
  end

  it "registers, takes a message and a call over its flow, and is hung up on" do
    serve_edge
    browser.start("wss://127.0.0.1:#{secure_websocket_port}", "sip:alice@b.example")
    expect(browser.await("registered")).to include("status" => 200)

    expect(send_to_alice(:MESSAGE, "text/plain", "hello").status).to eq(200)
    expect(browser.await("newMessage")).to include("originator" => "remote", "body" => "hello")

    answer = send_to_alice(:INVITE, "application/sdp", Browser.offer)
    expect(browser.await("newRTCSession")).to include("originator" => "remote", "from" => "alice")
    expect([answer.status, answer.body]).to match([200, /^m=audio .*SAVPF 0/])

    send_in_dialog(:ACK, answer, 1)
    expect(browser.await("confirmed")).to include("originator" => "remote")
    send_in_dialog(:BYE, answer, 2)
    expect(caller.receive_until(limit: Browser::LIMIT) { |message| message.header("CSeq") == "2 BYE" }.status).to eq(200)
    expect(browser.await("ended")).to include("originator" => "remote")
  end
end
