# frozen_string_literal: true

require_relative "../support/relay_process"
require_relative "../support/sipp"

# RFC 3261 16.3 step 4 and RFC 5393: a request may pass again if it has changed.
RSpec.describe "Spirals and loops", :native do
  include RelayProcess
  include Sipp

  after { close_sipp }

  let(:callee) { udp_peer }
  let(:caller) { udp_peer }

  # Sends initial requests where the block says, and those in a dialog along their Routes.
  def start_relay
    start_oversip do |request|
      request.check_max_forwards(10)
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_failure_response { |response| seen << response.status_code }
      seen << "#{request.sip_method} #{request.ruri.user}"
      next proxy.route(request) if request.in_dialog? && request.loose_route

      proxy.route(request, "127.0.0.1", yield(request))
    end
  end

  def seen
    @seen ||= mailbox
  end

  it "accepts a request a second time with another Request-URI, and its dialog afterwards" do
    start_relay do |request|
      next callee.port unless request.ruri.user == "bob"

      request.ruri.user = "robert"
      oversip_port
    end
    caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), oversip_port)
    invite = callee.receive
    expect(invite.ruri).to eq("sip:robert@b.example")
    expect(invite.headers("Via").size).to eq(3)
    expect(invite.header("Max-Forwards")).to eq("9")
    callee.answer(invite, 200, "OK")
    response = caller.receive_final
    expect([response.status, response.headers("Via").size]).to eq([200, 1])

    caller.send_text(caller.in_dialog(:ACK, response, cseq: 1), oversip_port)
    expect(callee.receive.first_line).to start_with("ACK sip:bob@#{callee.address}")
    caller.send_text(caller.in_dialog(:BYE, response, cseq: 2), oversip_port)
    bye = callee.receive
    expect(bye.method_name).to eq("BYE")
    callee.answer(bye, 200, "OK")
    expect(caller.receive_final.header("CSeq")).to eq("2 BYE")
    expect(seen.all.first(2)).to eq(["INVITE bob", "INVITE robert"])
  end

  it "brings in-dialog requests of the callee to the caller of a spiral" do
    start_relay { |request| request.ruri.user == "bob" ? (request.ruri.user = "robert") && oversip_port : callee.port }
    caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), oversip_port)
    invite = callee.receive
    callee.answer(invite, 200, "OK")
    caller.receive_final
    bye = callee.build(:BYE, "sip:alice@192.0.2.1", call_id: invite.header("Call-ID"),
                                                    headers: { "Route" => invite.headers("Record-Route"),
                                                               "From" => "#{invite.header("To")};tag=bob",
                                                               "To" => invite.header("From") })
    callee.send_text(bye, oversip_port)
    # Her Contact is of no use, as behind a NAT: the flow that her INVITE came by is.
    received = caller.receive_until(&:request?)
    expect(received.first_line).to eq("BYE sip:alice@192.0.2.1 SIP/2.0")
    caller.answer(received, 200, "OK")
    expect(callee.receive_final.header("CSeq")).to eq("1 BYE")
  end

  it "answers 482 to a request that comes by unchanged" do
    start_relay { oversip_port }
    %i[INVITE MESSAGE].each do |method|
      caller.send_text(caller.build(method, "sip:bob@b.example"), oversip_port)
      response = caller.receive_final
      expect([response.status, response.reason, response.method_name]).to eq([482, "Loop Detected", method.to_s])
      expect(seen.all).to eq(["#{method} bob", 482])
    end
  end

  it "answers 482 to a request that comes back through another relay" do
    first = Ports.free
    running_relay(target: "127.0.0.1:#{first}") do |second|
      running_relay(target: "127.0.0.1:#{second.port}", port: first) do |relay|
        caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), relay.port)
        expect(caller.receive_final.status).to eq(482)
        expect([relay, second].map { |one| one.counts.slice(:on_request, :on_failure_response) })
          .to eq([{ on_request: 1, on_failure_response: 1 }] * 2)
      end
    end
  end

  it "carries 100 calls through two relays behind each other" do
    last = sipp_callee("answer_call", calls: 100)
    running_relay(target: "127.0.0.1:#{last.port}") do |second|
      running_relay(target: "127.0.0.1:#{second.port}") do |first|
        calls = sipp_caller("call", to: first.port, calls: 100, rate: 50)
        [calls, last].each { |run| expect([run.faults, run.successful]).to eq([{}, 100]), -> { run.explanation } }
        [first, second].each do |relay|
          expect(relay.counts).to include(on_request: 300, on_provisional_response: 100, on_success_response: 200)
        end
      end
    end
  end
end
