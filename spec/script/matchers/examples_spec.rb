# frozen_string_literal: true

require_relative "../../support/inner_rspec"

# Examples with the metadata `:sip`, as their author sees them: red and green.
RSpec.describe "oversip/rspec" do
  server = <<~'RUBY'
    GATEWAY = "gw1.example"

    def (OverSIP::SipEvents).on_request(request)
      raise ArgumentError, "no such user" if request.ruri.user == "broken"
      return request.reply(404) if request.ruri.user == "nobody"

      request.loose_route unless request.initial?
      OverSIP::SIP::Proxy.new.route(request)
    end
  RUBY

  spec = <<~'RUBY'
    require "oversip/rspec"

    RSpec.describe "server.rb", :sip, script: "server.rb" do
      let(:alice) { sip.client(:alice) }

      it "passes" do
        sip.target("gw1.example").answers 200
        expect(alice.invite("sip:bob@#{GATEWAY}")).to be_answered.by("gw1.example")
      end

      it "has a wrong status" do
        expect(alice.invite("sip:nobody@example.com")).to be_answered.with(200)
      end

      it "has a wrong status among others", :aggregate_failures do
        call = alice.invite("sip:nobody@example.com")
        expect(call).to be_answered.with(200)
        expect(call).to be_answered.with(486)
      end

      it "lets the script raise" do
        alice.options("sip:broken@example.com")
      end

      it "allows the script to raise" do
        sip.expect_script_error(ArgumentError)
        expect(alice.options("sip:broken@example.com")).to be_answered.with(500)
      end

      it "allows what the script does not raise" do
        sip.expect_script_error(ArgumentError)
      end

      it "reaches a target that nobody plays" do
        alice.options("sip:bob@192.0.2.77:5080")
      end

      it "allows targets that nobody plays" do
        sip.allow_unknown_destinations
        alice.options("sip:bob@192.0.2.77:5080")
      end

      it "fails in a persona" do
        sip.target("gw1.example").answers { |request| expect(request.sip_method).to eq(:BYE) }
        alice.options("sip:bob@gw1.example")
      end

      it "draws", ladder: "drawn/call.svg" do
        alice.options("sip:nobody@example.com")
      end

      it "makes many calls" do
        100.times { alice.options("sip:nobody@example.com") }
        raise "enough"
      end

      it "is pending, and may fail" do
        pending "not yet"
        expect(alice.options("sip:nobody@example.com")).to be_answered
      end

      after { raise "the hook after #{sip.now}" if self.class.description == "server.rb" && RSpec.current_example.description == "has a failing hook" }

      it "has a failing hook" do
        sip.advance 1
      end
    end

    RSpec.describe "A block", :sip do
      let(:status) { 480 }
      let(:call) { sip.client(:alice).invite("sip:bob@example.com") }
      let(:directory) { double("directory") }
      let(:asked) { [] }

      sip_script do |request|
        next if request.sip_method == :ACK

        asked << request.ruri.user
        expect(request.ruri.user).to eq("bob")
        request.reply(status)
      end

      it "reads values while another value is made" do
        expect(call).to be_answered.with(480)
        expect(asked).to eq(["bob"])
      end

      it "fails by its expectation" do
        sip.client(:alice).options("sip:carol@example.com")
      end

      context "with a mock" do
        sip_script { |request| directory.find(request.ruri.user) ? request.reply(200) : request.reply(404) }

        it "is answered by it" do
          expect(directory).to receive(:find).with("bob").and_return(true)
          expect(sip.client(:alice).options("sip:bob@example.com")).to be_answered
        end

        it "fails by what the mock does not know" do
          sip.client(:alice).options("sip:bob@example.com")
        end

        it "fails by what the mock did not get" do
          expect(directory).to receive(:find).twice.and_return(true)
          sip.client(:alice).options("sip:bob@example.com")
        end
      end
    end

    RSpec.describe "One script in another", :sip do
      sip_script { |request| request.reply(404) }

      def status = sip.client(:alice).options("sip:bob@gw1.example").status

      before { sip.target("gw1.example").answers 200 }

      it("has the block") { expect(status).to eq(404) }
      context("with a file") { it("has the file of the inner group", script: "server.rb") { expect(status).to eq(200) } }
      context("with a Proc") do
        metadata[:script] = ->(request) { request.reply(480) }
        it("has the Proc of the inner group") { expect(status).to eq(480) }
        context("with a block") do
          sip_script { |request| request.reply(486) }
          it("has the block of the innermost group") { expect(status).to eq(486) }
        end
      end
    end

    RSpec.describe "Without a file" do
      it("has no world") { extend OverSIP::Testing::Examples; sip }
      it("has one by the example's own metadata", :sip, script: ->(request) { request.reply(486) }) do
        expect(sip.client(:alice).options("sip:bob@example.com")).to be_answered.with(486)
        expect(defined?(GATEWAY)).to be_nil
      end
      it("has no script at all", :sip) { nil }
      it("names a file that is not there", :sip, script: "nothing.rb") { nil }
    end
  RUBY

  files = { "server.rb" => server, "spec/server_spec.rb" => spec }

  outcome = nil
  before(:context) do
    InnerRspec.run_rspec(files, "spec/server_spec.rb") do |inner|
      outcome = inner
      drawing = File.join(inner.folder, "drawn/call.svg")
      @drawing = File.read(drawing) if File.file?(drawing)
    end
  end

  # @return [String] what stands above the ladder
  def failure(outcome, description)
    outcome.failure(description).to_s.split("\n\n").first
  end

  it "passes what is right" do
    expect(outcome.passed).to contain_exactly(
      "passes", "allows the script to raise", "allows targets that nobody plays", "draws", "is answered by it",
      "reads values while another value is made", "has one by the example's own metadata",
      "has the block", "has the file of the inner group", "has the Proc of the inner group", "has the block of the innermost group"
    )
  end

  it "shows a wrong status, with the ladder below" do
    message = outcome.failure("has a wrong status")
    expect(message).to start_with(
      "expected the INVITE of alice to be answered with 200, but it was answered with 404 Not Found by the element after 0 s\n\n"
    )
    expect(message.split("\n\n", 2).last.lines.map { |line| line.strip.squeeze(" -") }).to match(
      [
        "time (s) alice oversip",
        "198.51.100.1:5060 192.0.2.100:5060",
        "0.000 |- INVITE sip:nobody@example.com ->|",
        match(/\A0\.000 \|? ?\* on_request INVITE sip:n.*\(server\.rb:3\)\z/),
        "0.000 | # the script answers 404",
        "0.000 |<- 404 Not Found -|",
        "0.000 |- ACK sip:nobody@example.com ->|"
      ]
    )
  end

  it "shows one ladder below several failures" do
    expect(outcome.failure("has a wrong status among others").scan(/alice +oversip/).size).to eq(1)
  end

  it "shows the end of a long ladder" do
    message = outcome.failure("makes many calls")
    expect(message).to start_with("enough\n\n").and include(" lines are left out").and match(/alice +oversip/)
    expect(message.lines.size).to be_between(50, 70)
  end

  it "fails by what the script raises, at its place" do
    expect(failure(outcome, "lets the script raise")).to eq("no such user")
    example = outcome.examples.fetch("lets the script raise").fetch("exception")
    expect(example["class"]).to eq("ArgumentError")
    expect(example["backtrace"].first).to include("server.rb:4")
  end

  it "fails by what the script was to raise" do
    expect(failure(outcome, "allows what the script does not raise")).to include("ArgumentError")
  end

  it "fails by a message to where nobody is" do
    expect(failure(outcome, "reaches a target that nobody plays")).to include("OPTIONS").and include("udp:192.0.2.77:5080")
    example = outcome.examples.fetch("reaches a target that nobody plays")
    expect(example.dig("exception", "backtrace").first).to match(%r{/spec/server_spec.rb:#{example["line_number"]}\z})
  end

  it "fails by expectations inside of blocks and personas" do
    expect(outcome.failure("fails by its expectation")).to include('expected: "bob"').and include('got: "carol"')
    expect(outcome.failure("fails in a persona")).to include("expected: :BYE").and include("OPTIONS")
  end

  it "fails by mocks inside of blocks" do
    expect(failure(outcome, "fails by what the mock does not know")).to include("received unexpected message :find")
    expect(outcome.failure("fails by what the mock did not get")).to include("expected: 2 times").and match(/alice +oversip/)
  end

  it "shows what hooks raise, with the ladder" do
    expect(failure(outcome, "has a failing hook")).to eq("the hook after 1.0")
  end

  it "says where there is no world" do
    expect(failure(outcome, "has no world")).to start_with("there is no world here")
  end

  it "says that a script is needed" do
    expect(failure(outcome, "has no script at all")).to start_with('the example has no script: say `script: "server.rb"` beside :sip')
  end

  it "says where a script was looked for" do
    example = outcome.examples.fetch("names a file that is not there")
    expect(example.dig("exception", "backtrace").first).to match(%r{/spec/server_spec.rb:#{example["line_number"]}\z})
    expect(failure(outcome, "names a file that is not there")).to match(%r{\Ascript: "nothing.rb" is no file: looked for in the working directory /.*, then in /.*/spec and the folders above it\z})
  end

  it "draws the ladder as a picture" do
    expect(@drawing).to start_with("<svg").or start_with("<?xml")
  end

  %w[progress documentation].each do |format|
    it "shows the ladder to those who read `--format #{format}`" do
      output = InnerRspec.run_rspec(files, "--format", format, "spec/server_spec.rb", "--example", "has a wrong status").output
      expect(output).to include("2 examples, 2 failures").and match(/alice +oversip/)
      expect(output).not_to include("lib/oversip/rspec")
    end
  end

  it "finds the script from any directory" do
    InnerRspec.run_rspec(files.transform_keys { |name| "server/#{name}" }, "server/spec/server_spec.rb", "--example", "passes") do |inner|
      expect(inner.output).to include("1 example, 0 failures")
    end
  end
end
