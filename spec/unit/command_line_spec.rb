# frozen_string_literal: true

require "etc"
require "socket"
require_relative "../support/server_folder"

RSpec.describe "The oversip command" do
  include ServerFolder

  it "shows its options" do
    out, error, status = oversip("--help")
    expect(out).to include("--config-dir DIR", "--pid FILE", "--no-color", "as a daemon that logs to syslog")
    expect([error, status.exitstatus]).to eq(["", 0])
  end

  it "shows its version" do
    out, = oversip("-v")
    expect(out).to start_with("OverSIP #{OverSIP::VERSION}\n")
  end

  it "says what is wrong with an option, even when stdout is no terminal (S-B01)" do
    out, error, status = oversip("--no-such")
    expect(error).to eq("ERROR: oversip invalid option: --no-such\n")
    expect(out).to include("Usage: oversip")
    expect(status.exitstatus).to eq(1)
  end

  it "names a folder without files" do
    expect(failure).to include("CRIT: <launcher> error loading Main Configuration file '#{@dir}/oversip.conf':\n",
                               "CRIT: <launcher> No such file or directory")
  end

  it "needs proxies.conf and server.rb too" do
    write("oversip.conf", "")
    expect(failure).to include("error loading Proxies Configuration file '#{@dir}/proxies.conf':")
    write("proxies.conf", "default_proxy:\n")
    expect(failure).to include("error loading Server file '#{@dir}/server.rb':")
  end

  it "takes another name of the main file" do
    folder
    expect(failure("--config-file", "other.conf")).to include("#{@dir}/other.conf")
  end

  it "names a wrong value" do
    folder(conf: "sip: {listen_port: 70000}")
    expect(failure).to include("CRIT: <launcher> sip[listen_port] has invalid value '70000' " \
                               "(does not satisfy 'port' validation requirement)\n")
  end

  it "reports an error in server.rb before one in a value" do
    folder(conf: "sip: {listen_port: 70000}", script: "def broken(")
    error = failure
    expect(error).to include("error loading Server file")
    expect(error).not_to include("listen_port")
  end

  it "says what to change in a server.rb that was written for an old Ruby" do
    folder(script: "raise NameError.new('uninitialized constant Fixnum', :Fixnum)")
    expect(failure).to match(/CRIT: <launcher> uninitialized constant Fixnum.*CRIT: <launcher> Fixnum is gone since Ruby 3.2/m)
  end

  it "names a user that does not exist", if: Etc.getpwuid.uid.zero? do
    folder
    expect(failure("-u", "no-such-user")).to include("user 'no-such-user' does not exist in the system")
  end

  it "loads libraries that are asked for, from folders that are given" do
    write("early.rb", "warn 'early library'")
    folder(conf: "sip: {listen_port: x}")
    expect(failure("-I", @dir, "-r", "early")).to start_with("early library\n")
    _, error, status = oversip("-r", "no_such_library")
    expect(error).to match(/\AERROR: oversip cannot load such file/)
    expect(status.exitstatus).to eq(1)
  end

  describe "when it serves", :native do
    let(:script) { <<~RUBY }
      module OverSIP::SystemEvents
        def self.on_initialize = log_info("on_initialize")
        def self.on_started = log_info("on_started on \#{OverSIP.configuration[:sip][:listen_port]}")
        def self.on_user_reload = log_info("on_user_reload")
        def self.on_terminated(error) = log_info("on_terminated \#{error}")
      end
    RUBY

    before { folder(script: script) }

    %w[TERM INT QUIT].each do |signal|
      it "runs its events and ends in order with #{signal}" do
        serving do |server|
          server.signal(signal)
          expect(server.status.exitstatus).to eq(0)
          events = server.output.scan(/\[user\] (.*)/).flatten
          expect(events).to eq(["on_initialize", "on_started on #{port}", "on_terminated false"])
        end
      end
    end

    it "runs on_user_reload with USR1 and goes on" do
      serving do |server|
        server.signal("USR1")
        server.wait_for(/on_user_reload/)
        server.signal("TERM")
        expect(server.status.exitstatus).to eq(0)
      end
    end

    it "names a port that is taken" do
      socket = UDPSocket.new
      socket.bind("127.0.0.1", port)
      expect(failure).to eq("NOTICE: <launcher> OverSIP #{OverSIP::VERSION} starting\n" \
                            "CRIT: <launcher> configuration error: UDP IP '127.0.0.1' and port #{port} already in use\n")
    ensure
      socket&.close
    end

    it "ends with status 1 and without on_terminated after a fatal error" do
      folder(script: "#{script}\nmodule OverSIP::SystemEvents; def self.on_user_reload = OverSIP::Launcher.fatal('over'); end")
      serving do |server|
        server.signal("USR1")
        expect(server.status.exitstatus).to eq(1)
        expect(server.output).to include("CRIT: <launcher> over\n", "exiting with error status")
        expect(server.output).not_to include("on_terminated")
      end
    end

    it "ends as with TERM when a callback calls exit" do
      folder(script: "#{script}\nmodule OverSIP::SystemEvents; def self.on_user_reload = exit(3); end")
      serving do |server|
        server.signal("USR1")
        expect(server.status.exitstatus).to eq(0)
        expect(server.output).to include("on_terminated false")
      end
    end
  end
end
