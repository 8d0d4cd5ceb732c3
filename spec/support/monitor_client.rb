# frozen_string_literal: true

require "socket"

# Asks the monitor of a server, by its control socket or by a port, as any client of HTTP does.
module MonitorClient
  Answer = Struct.new(:status, :headers, :body)

  # Seconds for an answer.
  LIMIT = 20

  # @param path [String] with its query
  # @param at [String, Integer] the path of a socket, or a port of 127.0.0.1
  # @return [Answer]
  def ask(path, at:, method: "GET", headers: {})
    with_connection(at) do |socket|
      socket.write(request(path, method, { "Host" => "localhost", "Connection" => "close", **headers }))
      answer(read_all(socket), method)
    end
  end

  # @return [Object] the JSON of an answer
  def ask_json(path, at:)
    JSON.parse(ask(path, at: at).body)
  end

  def request(path, method = "GET", headers = { "Host" => "localhost" })
    "#{method} #{path} HTTP/1.1\r\n#{headers.map { |name, value| "#{name}: #{value}\r\n" }.join}\r\n"
  end

  # @yieldparam socket [UNIXSocket, TCPSocket]
  def with_connection(at)
    socket = at.is_a?(Integer) ? TCPSocket.new("127.0.0.1", at) : UNIXSocket.new(at)
    yield socket
  ensure
    socket&.close
  end

  # @return [String] what comes until the other end closes
  def read_all(socket, limit: LIMIT)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + limit
    text = +""
    loop do
      left = deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
      raise "no end within #{limit} s after #{text.inspect}" unless left.positive? && socket.wait_readable(left)

      text << socket.readpartial(65_536)
    end
  rescue EOFError, Errno::ECONNRESET
    text
  end

  # @return [Answer]
  def answer(text, method = "GET")
    head, body = text.split("\r\n\r\n", 2)
    lines = head.lines(chomp: true)
    headers = lines.drop(1).to_h { |line| line.split(": ", 2).then { |name, value| [name.downcase, value] } }
    body = pieces(body).join if headers["transfer-encoding"] == "chunked" && method != "HEAD"
    Answer.new(lines.first[/\A\S+ (\d+)/, 1].to_i, headers, body)
  end

  private

  # RFC 9112 7.1
  def pieces(body)
    list = []
    while (match = body.match(/\A(\h+)\r\n/))
      size = match[1].hex
      list << body.byteslice(match[0].bytesize, size)
      body = body.byteslice((match[0].bytesize + size + 2)..) or break
    end
    list
  end
end
