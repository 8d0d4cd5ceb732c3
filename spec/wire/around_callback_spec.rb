# frozen_string_literal: true

require_relative "../support/server_folder"

RSpec.describe "OverSIP.around_callback of a server", :native do
  include ServerFolder

  def around(word, condition = "event.name == :on_request")
    "OverSIP.around_callback { |event, run| ($seen ||= []) << #{word.inspect} if #{condition}; run.call }\n"
  end

  def answering
    <<~RUBY
      def (OverSIP::SipEvents).on_request(request)
        request.reply 200, $seen.join(" ")
        $seen.clear
      end
    RUBY
  end

  def answer
    alice = udp_peer
    alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example"), port)
    alice.receive_final.first_line
  end

  def reload(server, times)
    server.signal("HUP")
    server.wait_for(/(?:reloading proxies.conf.*){#{times}}reloaded #{times}/m)
  end

  it "is registered once, however often server.rb is loaded, and follows what it says now" do
    write("helper.rb", around("helper"))
    reloaded = "$reloads = 0\nOverSIP::SystemCallbacks.on_reload { OverSIP::SipEvents.log_info \"reloaded \#{$reloads += 1}\" } " \
               "if OverSIP::SystemCallbacks.on_reload_callbacks.empty?\n"
    folder(script: "require #{in_folder("helper").dump}\n#{around("first")}#{around("second")}#{answering}")
    write("server.rb", File.read(in_folder("server.rb")) + reloaded.sub("$reloads = 0", "$reloads ||= 0"))
    serving do |server|
      expect(answer).to end_with(" helper first second")
      reload(server, 1)
      expect(answer).to end_with(" helper first second")
      write("server.rb", "# a line more\n#{around("changed")}#{answering}")
      reload(server, 2)
      expect(answer).to end_with(" helper changed")
      write("server.rb", "#{around("broken")}raise \"no\"\n")
      server.signal("HUP")
      server.wait_for(/no \(RuntimeError\).*reloaded 3/m)
      expect(answer).to end_with(" helper changed")
      write("server.rb", "")
      reload(server, 4)
      expect(answer).to end_with(" helper")
    end
  end
end
