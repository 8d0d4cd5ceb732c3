# frozen_string_literal: true

require_relative "../support/server_folder"

# Peers influence the text of the library's records, but must not influence their number.
RSpec.describe "The log of a server under a flood", :native do
  include ServerFolder

  let(:alice) { udp_peer }

  # Words without digits, which would make the texts alike.
  let(:words) { ("aaaa"..).first(300) }

  def output_of_flood(script: ServerFolder::ANSWERING)
    folder(script: script, core: "max_like_records: 5")
    serving do |server|
      words.each { |word| alice.send_text(yield(word), port, "127.0.0.1") }
      server.wait_for(/more like it/)
      # Another one: the socket of the first is full of answers that nobody reads.
      bob = udp_peer
      bob.send_text(bob.build(:OPTIONS, "sip:end@b.example"), port, "127.0.0.1")
      expect(bob.receive_final.status).to eq(404)
      server.signal("TERM")
      server.status
      server.output
    end
  end

  it "sums up failures of a block, whatever the Request-URI and the message of the exception say" do
    script = "def (OverSIP::SipEvents).on_request(r) = r.sip_method == :OPTIONS ? r.reply(404) : raise(\"boom \#{r.ruri}\")\n"
    output = output_of_flood(script: script) { |word| alice.build(:MESSAGE, "sip:#{word}@b.example") }
    written = output.lines.grep_v(/more like it/)
    expect(written.grep(/exception in on_request/).size).to be_between(5, 150)
    expect(written.grep(/boom .*RuntimeError/).size).to be_between(5, 150)
  end

  it "sums up the engine's records about datagrams" do
    output = output_of_flood { |word| "SIP/2.0 200 OK\r\nVia: #{word}\r\nVia-#{word}: x\r\n\r\n" }
    expect(output.lines.grep_v(/more like it/).grep(/datagram dropped/).size).to be_between(5, 150)
  end
end
