# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "browser"

# A document in headless Chromium, as its reader has it.
class Page
  # What programs and readers look at first: `window.attacked` is set by texts that ought to be texts alone.
  ATTACK = "window.attacked = true"

  def initialize
    @folder = Dir.mktmpdir("oversip-page")
    @driver = Browser.drive(@folder)
  end

  # @return [String] path of a file beside the document
  def file(name, content)
    File.join(@folder, name).tap { |path| File.write(path, content) }
  end

  # @param content [String] HTML or SVG
  # @return [self]
  def open(content, name: "page.html", width: 1400, dark: false, media: "screen", fragment: nil, scripts: true)
    emulate(width: width, media: media, dark: dark, scripts: scripts)
    visit("file://#{file(name, content)}#{"##{fragment}" if fragment}")
  end

  # @param address [String] of a document
  # @return [self]
  def visit(address)
    # Another fragment of the same address would load nothing.
    @driver.get("about:blank")
    @driver.get(address)
    self
  end

  # What the reader has.
  def emulate(width: 1400, media: "screen", dark: false, scripts: true)
    command("Emulation.setScriptExecutionDisabled", value: !scripts)
    command("Emulation.setDeviceMetricsOverride", width: width, height: 900, deviceScaleFactor: 1, mobile: false)
    command("Emulation.setEmulatedMedia", media: media, features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }])
  end

  # @return [Object] what the JavaScript returns
  def run(script, *arguments)
    @driver.execute_script(script, *arguments)
  end

  # @return [Object] what the JavaScript's promise leads to
  def await(expression, *arguments)
    @driver.manage.timeouts.script_timeout = Browser::LIMIT
    @driver.execute_async_script("const [...given] = arguments; const done = given.pop(); (#{expression})(...given).then(done, (e) => done(`failed: ${e}`))",
                                 *arguments)
  end

  def press(*keys)
    keys.each { |key| @driver.action.send_keys(key).perform }
  end

  def click(selector)
    @driver.find_element(css: selector).click
  end

  # @return [Array<String>] what can be read in these elements
  def texts(selector)
    @driver.find_elements(css: selector).select(&:displayed?).map { |element| element.text.gsub(/\s+/, " ") }
  end

  # @return [String]
  def source
    @driver.page_source
  end

  # @return [Boolean] whether a text was run
  def attacked?
    run("return window.attacked === true")
  end

  # @return [Array<String>] warnings and errors of the console since the last time
  def complaints
    @driver.logs.get(:browser).map(&:message)
  end

  def close
    @driver&.quit
  ensure
    FileUtils.rm_rf(@folder)
  end

  private

  def command(name, **parameters)
    @driver.execute_cdp(name, **parameters)
  end
end
