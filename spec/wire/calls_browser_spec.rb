# frozen_string_literal: true

require_relative "../support/page"

# What a browser makes of the page of calls. spec/wire/calls_page_spec.rb has who may see it.
RSpec.describe "Calls in Chromium", :browser, :native do
  before(:context) { @page = Page.new }
  after(:context) { @page.close }

  let(:page) { @page }
  let(:token) { "0123456789abcdef" }
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer("127.0.0.2") }

  before do
    # What was said by a page of an earlier server, which is gone.
    page.visit("about:blank").complaints
    start_oversip(configuration: { metrics: { listen: "127.0.0.1:0", calls_page: true, token: token } }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      next proxy.route(request, bob.ip, bob.port) unless request.in_dialog?

      request.loose_route ? proxy.route(request) : request.reply(404)
    end
  end

  def address
    "http://#{OverSIP.configuration.dig(:metrics, :listen).first}/calls?token=#{token}"
  end

  def visit(width: 1400, **reader)
    page.emulate(width: width, **reader)
    page.visit(address)
    until_page { texts("#state") == ["live"] }
  end

  # @return [Array<String>] what can be read in these elements. It is read at once: the page may draw them anew at any time
  def texts(selector)
    found = page.run("return [...document.querySelectorAll(arguments[0])].filter((e) => e.getClientRects().length).map((e) => e.innerText)", selector)
    found.map { |text| text.gsub(/\s+/, " ").strip }
  end

  # Waits until the page is so.
  def until_page(&)
    eventually(limit: Browser::LIMIT, message: "the page shows #{texts("body").join[0, 2000]}", &)
  end

  # An INVITE of Alice's that Bob has got.
  def invite(**options)
    @invite = alice.send_text(alice.build(:INVITE, "sip:bob@b.example", **options), oversip_port)
    @at_bob = bob.receive
  end

  def answer(status, reason)
    bob.answer(@at_bob, status, reason)
    alice.receive_until { |message| message.status == status }
  end

  # A request of Alice's that Bob refuses.
  def message(status = 404, reason = "Nobody", **options)
    alice.send_text(alice.build(:MESSAGE, "sip:bob@b.example", **options), oversip_port)
    bob.answer(bob.receive, status, reason)
    alice.receive
  end

  def rows
    texts("#list tbody tr").map { |row| row.sub(/\A[\d:.]+ /, "") }
  end

  def ladder
    texts("#ladder .ladder li")
  end

  it "are listed while they go on, opened, followed to their end, and left, by keys alone" do
    visit
    expect(texts("#none")).to eq ["No calls yet."]
    invite(call_id: "one")
    answer(180, "Ringing")
    until_page { rows.size == 1 }
    expect(rows).to match [/\AINVITE sip:alice@a.example sip:bob@b.example pending/]

    page.press(:arrow_down, :enter)
    until_page { ladder.grep(/180 Ringing/).size == 2 }
    expect(texts("#ladder h2")).to match [/\Apending INVITE sip:alice@a.example → sip:bob@b.example/]
    page.press(:arrow_down, :enter)
    expect(texts("article")).to match [/\A1 INVITE sip:bob@b.example alice → oversip .* Call-ID: one/]

    final = answer(200, "Fine")
    until_page { ladder.grep(/200 Fine/).size == 2 }
    expect(texts("#ladder .status")).to eq ["200 Fine"]
    # The message that was read is still there, and the keys go on from it.
    expect(texts("article")).to match [/\A1 INVITE/]
    page.press(:arrow_down)
    expect(texts("article")).to match [/\A2 100 Trying/]

    alice.send_text(alice.in_dialog(:BYE, final, cseq: 2), oversip_port)
    bob.answer(bob.receive_until { |received| received.method_name == "BYE" }, 200, "Gone")
    until_page { ladder.grep(/200 Gone/).size == 2 }
    page.press(:escape)
    expect(texts("article")).to eq []
    page.press(:escape)
    until_page { rows.grep(/200 OK/).size == 1 }
    expect(page.run("return document.activeElement.textContent")).to eq "sip:bob@b.example"
    expect(page.complaints).to eq []
  end

  it "are listed by their beginning, filtered, and opened by the mouse" do
    message(404, "Nobody", call_id: "first")
    message(200, "Fine", call_id: "second", headers: { "From" => "<sip:carol@c.example>;tag=1" })
    visit
    until_page { rows.size == 2 }
    expect(rows).to match [/carol@c.example .* 200 OK/, /alice@a.example .* 404 Not Found/]
    page.click("#only-failed")
    expect([rows, texts("#shown")]).to match [[/404 Not Found/], ["1 of 2 calls"]]
    page.click("#only-failed")
    page.press("/", *"CAROL".chars)
    expect(rows).to match [/carol/]
    page.press(*"x".chars)
    expect([rows, texts("#none")]).to eq [[], ["No call is like that."]]
    page.press(:escape)
    expect(rows.size).to eq 2
    page.press("/", *"carol".chars, :arrow_down, :enter)
    until_page { ladder.any? }
    page.press(:escape)
    # The list is as it was left.
    expect(rows).to match [/carol/]
    page.press("/", :escape)
    page.click("#only-open")
    expect(rows).to eq []
    page.click("#only-open")
    page.click("#list tbody tr:nth-child(2) td:nth-child(1)")
    until_page { ladder.grep(/404 Nobody/).size == 2 }
    page.click("#show-blocks")
    expect(texts("#ladder .block")).to eq []
    page.click("#back")
    until_page { rows.size == 2 }
    expect(page.complaints).to eq []
  end

  it "are there again after the server was away" do
    visit
    configuration = { metrics: { listen: OverSIP.configuration.dig(:metrics, :listen).first, calls_page: true, token: token } }
    message(call_id: "before")
    until_page { rows.size == 1 }
    OverSIP.stop(timeout: 0)
    until_page { texts("#state").grep(/no connection/).any? }
    start_oversip(configuration: configuration) { |request| request.reply(503, "Later") }
    until_page { texts("#state").grep(/live/).any? }
    expect(rows).to eq []
    alice.send_text(alice.build(:MESSAGE, "sip:bob@b.example"), oversip_port)
    until_page { rows.grep(/503 Service Unavailable/).any? }
  end

  it "tell nobody else of anything: no request leaves but to this server, and none has the address with the token in a header" do
    visit
    message
    until_page { rows.size == 1 }
    asked = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    expect(asked).to all(start_with("http://127.0.0.1:"))
    expect(page.run("return document.referrer")).to eq ""
    expect(page.await("() => fetch('https://192.0.2.1/').then(() => 'sent')")).to start_with("failed")
    expect(page.complaints).to all(match(/Content Security Policy/))
  end

  [400, 1400].product([false, true]).each do |width, dark|
    it "fit a page #{width} wide, #{dark ? "dark" : "light"}" do
      reason = "A reason phrase that is much too long for any table of calls and so has to give way somewhere"
      message(404, reason, call_id: "x" * 100, headers: { "From" => "<sip:#{"long" * 20}@a.example>;tag=1" })
      visit(width: width, dark: dark)
      until_page { rows.size == 1 }
      expect(page.run("return document.documentElement.scrollWidth")).to be <= width
      expect(page.run("return getComputedStyle(document.body).backgroundColor")).to eq(dark ? "rgb(13, 17, 23)" : "rgb(255, 255, 255)")
      page.press(:arrow_down, :enter)
      until_page { ladder.any? }
      page.press(:arrow_down, :enter)
      expect(page.run("return document.documentElement.scrollWidth")).to be <= width
      expect(page.complaints).to eq []
    end
  end

  # What the bytes of an attacker may be, as far as a SIP message can have them there.
  attacks = ["<script>#{Page::ATTACK}</script>", "\"><img src=x onerror=#{Page::ATTACK}>", "</title></style></pre><svg onload=#{Page::ATTACK}>",
             "javascript:#{Page::ATTACK}", "\u202e\u2066gnp.exe", "\e]0;title\a\e[31m", "&lt;b&gt;&#60;"]

  it "take hostile bytes as text" do
    attacks.each_with_index do |attack, index|
      quoted = attack.gsub(/["\\]/) { |char| "\\#{char}" }
      headers = { "From" => "\"#{quoted}\" <sip:#{index}@a.example>;tag=1", "Subject" => attack, "X-#{index}" => attack }
      # Control characters are refused (RFC 3261 25.1), but seen nevertheless.
      next message(404, attack, call_id: "<script>#{index}</script>", headers: headers) unless attack.match?(/[\e\a]/)

      alice.send_text(alice.build(:MESSAGE, "sip:bob@b.example", call_id: "<script>#{index}</script>", headers: headers), oversip_port)
      expect(alice.receive.status).to eq 400
    end
    visit
    until_page { rows.size == attacks.size }
    shown = attacks.each_index.flat_map do |index|
      page.click("#list tbody tr:nth-child(#{index + 1}) a")
      until_page { ladder.any? }
      drawn = ladder
      page.press(:arrow_down, :enter)
      page.press(:escape, :escape)
      until_page { rows.any? }
      drawn
    end
    expect(shown.join).to include("404 <script>#{Page::ATTACK}</script>", "\\u{202E}\\u{2066}gnp.exe", "<img src=x onerror=#{Page::ATTACK}>")
    expect(page.attacked?).to be false
    expect(page.run("return document.querySelectorAll('#list script, #list img, #list svg, #ladder script, #ladder img, #ladder svg').length")).to eq 0
    expect(page.run("return document.body.textContent")).not_to match(/[\u0000-\u0008\u000e-\u001f\u007f\u202a-\u202e\u2066-\u2069]/)
    expect(page.complaints).to eq []
  end
end
