# frozen_string_literal: true

require "fileutils"
require "tmpdir"

# Headless Chromium with a page that is a SIP client (JsSIP). `bin/setup` installs the browser, its driver and Node.js.
class Browser
  # A busy machine may take this long to start a browser or to run a step of the page.
  LIMIT = 120

  ROOT = File.expand_path("../..", __dir__)
  SOURCE = File.join(ROOT, "spec", "browser")
  BUNDLE = File.join(ROOT, "tmp", "browser", "client.js")

  FLAGS = %w[--headless --no-sandbox --ignore-certificate-errors --use-fake-device-for-media-stream
             --use-fake-ui-for-media-stream --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run
             --disable-background-networking --disable-component-update --disable-sync].freeze

  class << self
    # Makes the page's script from the packages that package-lock.json names.
    #
    # @return [String] its path
    def bundle
      @bundle ||= begin
        install unless installed?
        run("npm", "run", "--silent", "bundle")
        BUNDLE
      end
    end

    # @param path [String] of a file in one of the packages
    # @return [String] the whole path
    def package(path)
      install unless installed?
      File.join(SOURCE, "node_modules", path)
    end

    # @return [Selenium::WebDriver::Driver] a browser that keeps its files in the folder
    def drive(folder)
      require "selenium-webdriver"
      options = Selenium::WebDriver::Chrome::Options.new(args: [*FLAGS, "--user-data-dir=#{folder}/profile"],
                                                         binary: "/usr/bin/chromium")
      service = Selenium::WebDriver::Service.chrome(path: "/usr/bin/chromedriver")
      client = Selenium::WebDriver::Remote::Http::Default.new(open_timeout: LIMIT, read_timeout: LIMIT)
      Selenium::WebDriver.for(:chrome, options: options, service: service, http_client: client)
    end

    # @return [String] media that a browser can take, though nobody sends any
    def offer
      fingerprint = Array.new(32) { |at| format("%02X", at) }.join(":")
      ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=audio 9 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 127.0.0.1",
       "a=rtcp-mux", "a=mid:0", "a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901", "a=fingerprint:sha-256 #{fingerprint}",
       "a=setup:actpass", "a=sendrecv", "a=rtpmap:0 PCMU/8000", ""].join("\r\n")
    end

    private

    # npm leaves its own lock file behind when it is done.
    def installed?
      done = File.join(SOURCE, "node_modules", ".package-lock.json")
      File.exist?(done) && File.mtime(done) >= File.mtime(File.join(SOURCE, "package-lock.json"))
    end

    def install
      run("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
    end

    def run(*command)
      output = IO.popen(command, chdir: SOURCE, err: %i[child out], &:read)
      raise "#{command.join(" ")} failed: #{output}" unless Process.last_status.success?
    rescue Errno::ENOENT
      raise "#{command.first} is missing: bin/setup installs it"
    end
  end

  # Opens the page.
  def initialize
    @folder = Dir.mktmpdir("oversip-browser")
    @driver = self.class.drive(@folder)
    page = File.join(@folder, "page.html")
    FileUtils.cp(self.class.bundle, @folder)
    File.write(page, "<!DOCTYPE html><meta charset=\"utf-8\"><title>phone</title><script src=\"client.js\"></script>")
    @driver.get("file://#{page}")
  end

  # Has the page's client connect and register.
  def start(server, uri)
    @driver.execute_script("phone.start(arguments[0], arguments[1])", server, uri)
  end

  # @return [Array<Hash>] what the page's client has noted so far
  def seen
    @driver.execute_script("return phone.seen")
  end

  # Waits until the page's client has noted such an event.
  #
  # @return [Hash]
  def await(event, limit: LIMIT)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + limit
    loop do
      found = seen.find { |noted| noted["event"] == event }
      return found if found
      raise "no #{event} within #{limit} s, but #{seen}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      IO.select(nil, nil, nil, 0.05)
    end
  end

  def run(script, *arguments)
    @driver.execute_script(script, *arguments)
  end

  def close
    @driver&.quit
  ensure
    FileUtils.rm_rf(@folder)
  end
end
