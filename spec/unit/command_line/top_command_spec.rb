# frozen_string_literal: true

require_relative "../../support/asked_server"
require_relative "../../support/command"
require_relative "../../support/terminal"

RSpec.describe "oversip top" do
  include AskedServer

  before do
    begun = 100
    traced = [a_call("one", "200 OK"), a_call("two", "486 Busy Here", at: 1.0, to: "carol")].flat_map { |record| TraceRows.rows(record) }
    server("/status" => ->(_) { status(calls: { begun: begun += 7, in_progress: 1, answered: 1, cancelled: 0, failed: { "4xx": 1 } }) },
           "/trace" => lambda do |query|
             rows = traced.select { |row| query["call_id"].nil? || row[:call_id] == query["call_id"] }
             TraceRows.lines([TraceRows.head_row, *rows])
           end)
  end

  after { @terminal&.close }

  def top(*arguments, **options)
    command = Class.new { include Command }.new.command("top", "--socket", socket, "--interval", "0.2", *arguments)
    @terminal = Terminal.new(*command, **options)
  end

  # What the terminal was sent, without what moves and colours.
  def plain(text)
    text.gsub(/\e\[[0-9;?]*[A-Za-z]/, "").delete("\r")
  end

  let(:given_back) { "\e[?7h\e[?25h\e[?1049l" }

  describe "in a terminal" do
    it "shows the server and its calls, the newest first, again and again" do
      terminal = top
      page = plain(terminal.wait_for(/q: end/))
      expect(page).to include("OK: oversip 3.0.0", "1 not answered yet", "udp:192.0.2.1:5060", "slowest blocks").and match(/INVITE +alice -> carol +486 Busy Here.*INVITE +alice -> bob +200 OK/m)
      rate = terminal.wait_for(/(\d+\.\d) calls/)[/(\d+\.\d) calls/, 1].to_f
      expect(rate).to be_positive
      expect(page).to match(/^> .* INVITE +alice -> carol/)
    end

    it "opens the ladder of the chosen call, and goes back" do
      terminal = top
      terminal.wait_for(/q: end/)
      terminal.press("\e[B")
      terminal.wait_for(/>[^\n]* alice -> bob/)
      terminal.press("\r")
      expect(plain(terminal.wait_for(/Esc: back/))).to include("200 OK  INVITE sip:alice@example.com -> sip:bob@example.com", "Call-ID one", "|<-")
      terminal.press("\e")
      expect(plain(terminal.wait_for(/Enter: its ladder/))).to include("slowest blocks")
    end

    it "is drawn anew when the terminal gets another size" do
      terminal = top(columns: 80)
      terminal.wait_for(/q: end/)
      terminal.resize(40, 200)
      expect(plain(terminal.wait_for(/alice@example.com -> carol@example.com.*q: end/m))).to match(/^target .* slowest blocks /)
    end

    it "has no colours when the environment or an option says so" do
      [[["--no-color"], {}], [[], { "NO_COLOR" => "1" }]].each do |arguments, environment|
        terminal = top(*arguments, environment: environment)
        expect(terminal.wait_for(/q: end/)).not_to match(/\e\[[0-9;]+m/)
        terminal.close
      end
      expect(top.wait_for(/q: end/)).to match(/\e\[32m/)
    end

    {
      "q" => [->(terminal) { terminal.press("q") }, ->(status) { status.exitstatus.zero? }],
      "Ctrl-C" => [->(terminal) { terminal.press("\x03") }, ->(status) { status.exitstatus == 130 }],
      "TERM" => [->(terminal) { Process.kill("TERM", terminal.pid) }, ->(status) { !status.success? }],
      "HUP" => [->(terminal) { Process.kill("HUP", terminal.pid) }, ->(status) { !status.success? }]
    }.each do |name, (ending, expected)|
      it "gives the terminal back as it was at the end by #{name}" do
        terminal = top
        terminal.wait_for(/q: end/)
        expect(terminal.echo?).to be(false)
        ending.call(terminal)
        terminal.wait_for(/#{Regexp.escape(given_back)}/)
        expect(terminal.status).to satisfy(&expected)
      end
    end

    it "says that the server has ended, and goes on when it is there again" do
      terminal = top
      terminal.wait_for(/q: end/)
      @monitor.close
      terminal.wait_for(/nobody listens at .*: the server has ended/)
      File.delete(socket)
      server("/status" => status(version: "4.0.0", trace: nil))
      expect(plain(terminal.wait_for(/4\.0\.0.*q: end/m))).to match(/calls +method.*none/m)
    end
  end

  it "prints one page for a pipe, or when it is asked for" do
    out, error, status = oversip("top", "--interval", "0.2")
    expect([error, status]).to eq(["", 0])
    expect(out).to match(%r{\AOK: .*\d calls/s.*why calls failed.*^> .* INVITE +alice -> carol +486 Busy Here +100 ms$}m)
    expect(out).not_to include("\e")
    expect(plain(top("--once").tap(&:status).output)).to include("INVITE")
  end

  it "has no calls of a server without a trace" do
    @monitor.close
    File.delete(socket)
    server("/status" => status(trace: nil), "/trace" => [404, "Not Found", "there is no trace"])
    out, error, status = oversip("top", "--interval", "0.2")
    expect([out.include?("trace    off"), out.lines.last, error, status]).to eq([true, "  none\n", "", 0])
  end

  it "says that no server runs" do
    @monitor.close
    expect(oversip("top")).to match(["", /\AERROR: oversip top: nobody listens/, 1])
  end
end
