# frozen_string_literal: true

require "socket"
require "uri"

# A server's control socket: answers a page by HTTP/1.0 with what it was given, and keeps what was asked.
class FakeMonitor
  # @return [String] of the socket
  attr_reader :path
  # @return [Array<Array(String, Hash)>] pages and queries
  attr_reader :asked

  # @param pages [Hash{String => String, Array, #call}] a body; or status, reason and body; or what gets the query and the
  #   stream and makes either
  def initialize(path, pages)
    @path = path
    @pages = pages
    @asked = []
    @server = UNIXServer.new(path)
    @threads = [Thread.new { listen }]
  end

  def close
    @threads.each(&:kill).each(&:join)
    @server.close
  end

  private

  def listen
    loop { serve(@server.accept) }
  end

  def serve(stream)
    @threads << Thread.new do
      line = stream.gets or next # somebody looks whether a server is there
      page, query = line.split[1].split("?", 2)
      nil until stream.gets == "\r\n"
      query = URI.decode_www_form(query.to_s).to_h
      @asked << [page, query]
      answer(stream, page, query)
    rescue Errno::EPIPE, Errno::ECONNRESET
      nil # the client has seen enough
    ensure
      stream.close
    end
  end

  def answer(stream, page, query)
    body = @pages.fetch(page) { [404, "Not Found", "there is no page #{page}"] }
    body = body.call(query) if body.respond_to?(:call)
    status, reason, body = body.is_a?(Array) ? body : [200, "OK", body]
    stream.write("HTTP/1.0 #{status} #{reason}\r\nContent-Type: text/plain\r\n\r\n")
    body.is_a?(Enumerator) ? body.each { |part| stream.write(part) } : stream.write(body)
  end
end
