# frozen_string_literal: true

require "oversip/call_record"
require_relative "../support/golden_calls"
require_relative "../support/page"
require_relative "../support/recorded_calls"

# What a browser makes of the pages and pictures of calls.
RSpec.describe "Ladders in Chromium", :browser do
  include RecordedCalls

  before(:context) { @page = Page.new }
  after(:context) { @page.close }

  let(:page) { @page }

  # @param name [String] of a call in spec/golden
  def golden(name, extension = "html")
    File.read(GoldenCalls.path(name, extension), encoding: "UTF-8")
  end

  # What the bytes of an attacker may be.
  attacks = ["<script>#{Page::ATTACK}</script>", "\"><img src=x onerror=\"#{Page::ATTACK}\">", "</title></style></pre><svg onload=#{Page::ATTACK}>",
             "javascript:#{Page::ATTACK}", "\u202e\u2066gnp.exe", "\e]0;title\a\e[31m", "\x00\xff\x7f", "-->]]>&lt;b&gt;&#60;", "end;%%{init: {}}%%\nNote over p9: x",
             "#quot;#60;script#62; ﬂ°°60¶ß", "$$\\unicode{60}$$ <br/> wrap:x style:a#60;"]

  def hostile(attacks)
    messages = attacks.map do |attack|
      message(0.0, :alice, :oversip, bytes: "INVITE sip:#{attack.b.tr(" ", "_").force_encoding(Encoding::UTF_8)}@h SIP/2.0\r\nSubject: #{attack}\r\nCall-ID: #{attack}\r\n\r\n#{attack}")
    end
    others = attacks.map do |attack|
      [note(attack), block(:on_request, subject: attack, exception: ArgumentError.new(attack)), attempt(attack, :timeout), resolution(attack, attack),
       OverSIP::CallRecord::Message.new(at: 0.0, sender: attack, receiver: nil, transport: attack, from: attack, to: attack, bytes: "SIP/2.0 200 #{attack}\r\n\r\n")]
    end
    call_record(*messages, *others.flatten)
  end

  def messages
    page.texts("article")
  end

  GoldenCalls::CALLS.each_key do |name|
    it "are opened without complaint and without moving sideways: the call #{name}" do
      [400, 1400].product([true, false]).each do |width, dark|
        page.open(golden(name), width: width, dark: dark)
        expect(page.complaints).to eq []
        expect(page.run("return document.documentElement.scrollWidth")).to be <= width
      end
    end
  end

  it "show the message that is clicked, and no other one" do
    page.open(golden("relay"))
    expect(messages).to eq []
    page.click("a.row[href='#m2']")
    expect(messages).to match [%r{\A2 100 Trying oversip → alice .* SIP/2\.0 100 Trying Via: }]
    page.click("a.row[href='#m3']")
    expect(messages).to match [/\A3 INVITE/]
    page.click("#close")
    expect([messages, page.texts(".hint")]).to eq [[], ["Click a message to read it."]]
  end

  it "are read by keys alone" do
    page.open(golden("relay"))
    page.press(:arrow_down, :arrow_down, :enter)
    expect(messages).to match [/\A2 100 Trying/]
    page.press("j")
    expect(messages).to match [/\A3 INVITE/]
    page.press(:arrow_up, "k")
    expect(messages).to match [/\A1 INVITE/]
    page.press(:escape)
    expect(messages).to eq []
    page.press(:tab, :enter)
    expect(messages).to match [/\A2 100 Trying/]
  end

  it "are filtered by what stands in messages" do
    page.open(golden("register-by-flow"))
    rows = page.texts(".ladder li").size
    page.press("/", *"path:".chars)
    expect(page.texts(".ladder li")).to match [/REGISTER sip:example.com/]
    expect(page.texts("section h2")).to match [/REGISTER/]
    expect(page.texts("tbody tr")).to match [/REGISTER/]
    expect(page.texts("#shown")).to eq ["1 of #{rows} rows"]
    page.press(:escape)
    expect([page.texts(".ladder li").size, page.texts("#shown")]).to eq [rows, ["#{rows} rows"]]
  end

  it "show messages alone, or failed calls alone" do
    options = "OPTIONS sip:b SIP/2.0\r\nCall-ID: 2\r\nCSeq: 1 OPTIONS\r\n\r\n"
    two = call_record(*failover.events, message(40.0, :alice, :oversip, bytes: options), message(40.0, :oversip, :alice, bytes: options.sub(/\A.*/, "SIP/2.0 404 x")))
    page.open(OverSIP::CallRecord::HtmlLadder.new(two).to_s)
    page.click("#show-blocks")
    page.click("#show-element")
    expect(page.texts(".ladder li").size).to eq 10
    page.click("#show-failed")
    expect([page.texts("section h2"), page.texts("tbody tr").size]).to match [[/404 x/], 1]
    page.click("#show-failed")
    page.click("#show-blocks")
    expect(page.texts(".row.block").size).to eq 2
  end

  it "open at a message that the address names" do
    page.open(golden("relay"), fragment: "m3")
    expect(messages).to match [/\A3 INVITE/]
  end

  it "show a message without JavaScript too" do
    page.open(golden("relay"), fragment: "m3", scripts: false)
    expect([messages, page.texts(".tools")]).to match [[/\A3 INVITE/], []]
  ensure
    page.open("", scripts: true)
  end

  it "print with every message" do
    page.open(golden("cancel"), media: "print", dark: true)
    expect(messages.size).to eq page.texts(".ladder a").size
    expect(page.texts(".tools, footer, #close")).to eq []
    expect(page.run("return getComputedStyle(document.body).backgroundColor")).to eq "rgb(255, 255, 255)"
  end

  it "follow light and dark" do
    colors = [false, true].map { |dark| page.open(golden("relay"), dark: dark).run("return getComputedStyle(document.body).backgroundColor") }
    expect(colors).to eq ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]
  end

  it "run no script that is not theirs, and ask nobody" do
    page.open(golden("relay"))
    page.run("const script = document.createElement('script'); script.textContent = arguments[0]; document.body.append(script)", Page::ATTACK)
    expect([page.attacked?, page.complaints]).to match [false, [/violates the following Content Security Policy directive/]]
    expect(page.await("() => fetch('https://192.0.2.1/').then(() => 'sent')")).to start_with("failed")
    expect(page.complaints).to all(match(/Content Security Policy/))
  end

  it "take hostile bytes as text, as a page and as a picture" do
    page.open(OverSIP::CallRecord::HtmlLadder.new(hostile(attacks), title: attacks.first).to_s)
    expect([page.attacked?, page.complaints]).to eq [false, []]
    page.run("document.querySelectorAll('a.row').forEach((row) => row.click())")
    expect(page.run("return document.body.textContent")).to include(*attacks.first(3)).and match(/\\u\{202E\}\\u\{2066\}gnp.exe/)
    expect(page.run("return document.body.textContent")).not_to match(/[\u0000-\u0008\u000e-\u001f\u007f\u202a-\u202e\u2066-\u2069]/)
    page.open(OverSIP::CallRecord::SvgLadder.new(hostile(attacks), title: attacks.first).to_s, name: "page.svg")
    expect([page.attacked?, page.complaints]).to eq [false, []]
  end

  describe "drawn by Mermaid" do
    before(:context) do
      FileUtils.cp(Browser.package("mermaid/dist/mermaid.min.js"), @page.file("mermaid.js", ""))
      @page.open('<!DOCTYPE html><meta charset="utf-8"><body><script src="mermaid.js"></script><script>mermaid.initialize({startOnLoad: false})</script>')
    end

    # @return [Array<String>] texts of the diagram
    def drawn(source)
      page.run("document.querySelector('main')?.remove(); document.body.append(document.createElement('main'))")
      done = page.await("(source) => mermaid.render('diagram', source).then(({svg}) => { document.querySelector('main').innerHTML = svg; return 'drawn' })", source)
      expect(done).to eq "drawn"
      page.run("return [...document.querySelectorAll('main text')].map((text) => text.textContent)")
    end

    GoldenCalls::CALLS.each_key do |name|
      it "have all messages of the call #{name}" do
        source = golden(name, "mmd")
        arrows = source.scan(/->>p\d+: (.*)|-xp\d+: (.*)/).flatten.compact
        expect(arrows.size).to be > 5
        expect(drawn(source)).to include(*arrows.map { |text| text.gsub(/#(\d+);/) { Integer(Regexp.last_match[1], 10).chr } })
      end
    end

    it "show hostile bytes as they are" do
      shown = drawn(OverSIP::CallRecord::MermaidLadder.new(hostile(attacks)).to_s)
      expect(page.attacked?).to be false
      expect(page.run("return document.querySelectorAll('main script, main img, main [onload], main a').length")).to eq 0
      expect(shown).to include(a_string_including("200 <script>"), a_string_including("ﬂ°°60¶ß"), a_string_including("#quot;#60;script#62;"))
      expect(shown).to include(a_string_including("sip:javascript:window"), a_string_including("style:a#60;"))
    end

    it "are no longer than Mermaid takes" do
      many = Array.new(2000) { |number| message(number.to_f, :alice, :oversip, "OPTIONS sip:#{number}@example.com SIP/2.0") }
      expect(drawn(OverSIP::CallRecord::MermaidLadder.new(call_record(*many)).to_s)).to include(/\A\d+ more rows are too much for Mermaid\z/)
    end
  end
end
