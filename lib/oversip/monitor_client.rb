# frozen_string_literal: true

require "etc"
require "json"
require "net/http"
require "socket"
require "oversip/call_record/visible"
require "oversip/control_socket"
require "oversip/errors"

module OverSIP
  # Asks the monitor of a running server: HTTP over its UNIX socket (`core: control_socket`).
  #
  # @api private
  class MonitorClient
    # The server cannot be asked; the message says what to do.
    class Error < OverSIP::RuntimeError; end

    # The server has no such page, or does not show it now; the message says why.
    class Refused < Error; end

    # Nobody answers: the server does not run, or it hangs.
    class NoAnswer < Error; end

    # Seconds for a connection and for an answer. The monitor waits for Ruby for one second at most.
    LIMIT = 10

    # Net::HTTP on a UNIX socket.
    class Connection < Net::HTTP
      # @param path [String] of the socket
      # @return [Connection] without a proxy
      def self.to(path)
        new("oversip", 80, nil).tap do |connection|
          connection.path = path
          connection.read_timeout = LIMIT
          connection.max_retries = 0
        end
      end

      attr_writer :path

      private

      # The only place where Net::HTTP opens a socket.
      def connect
        @socket = Net::BufferedIO.new(MonitorClient.open(@path), read_timeout: read_timeout, write_timeout: LIMIT,
                                                                 continue_timeout: nil, debug_output: nil)
        on_connect
      end
    end
    private_constant :Connection

    class << self
      # @param path [String]
      # @return [UNIXSocket]
      # @raise [Error] no socket can have this path
      # @raise [SystemCallError]
      def open(path)
        reason = ControlSocket.impossible(path)
        raise Error, "no server has its socket at #{path}: #{reason}" if reason

        UNIXSocket.new(path)
      end

      # @param path [String] of a socket or a folder
      # @return [Error] that says who may open it
      def closed(path)
        owner = owner(path)
        Error.new("#{path} may be opened by #{owner} only: run the command as this user (sudo -u #{owner} …)")
      end

      private

      def owner(path)
        Etc.getpwuid(File.stat(path).uid).name
      rescue SystemCallError, ArgumentError
        "the user of the server"
      end
    end

    # @return [String] of the socket
    attr_reader :path

    # @param path [String] of the socket
    def initialize(path)
      @path = path
    end

    # @return [Hash] what `/status` says
    # @raise [Error]
    def status
      parsed = JSON.parse(get("/status"))
      return parsed if parsed.is_a?(Hash)

      raise Error, "#{path} has no status: is it the socket of an OverSIP server?"
    rescue JSON::ParserError
      raise Error, "#{path} has no status: is it the socket of an OverSIP server?"
    end

    # @param page [String] "/trace"
    # @param query [Hash] those that are nil are left out; `call_id` may have any bytes
    # @return [String] the answer
    # @raise [Error]
    def get(page, **query)
      body = +""
      stream(page, **query) { |part| body << part }
      body.force_encoding(Encoding::UTF_8)
    end

    # @return [void]
    # @yieldparam line [String] each line as it comes
    # @raise [Error]
    def each_line(page, **query)
      rest = +"".b
      stream(page, **query) do |part|
        *lines, last = part.split("\n", -1)
        next rest << last.to_s if lines.empty?

        yield (rest << lines.shift).force_encoding(Encoding::UTF_8)
        lines.each { |line| yield line.force_encoding(Encoding::UTF_8) }
        rest = +last
      end
      yield rest.force_encoding(Encoding::UTF_8) unless rest.empty?
    end

    private

    def stream(page, **query, &block)
      query = parameters(query.compact)
      address = query.empty? ? page : "#{page}?#{URI.encode_www_form(query)}"
      outside(block) do |reader|
        Connection.to(path).start do |http|
          http.request_get(address) do |response|
            raise Refused, refused(response, response.read_body) unless response.is_a?(Net::HTTPOK)

            response.read_body(&reader)
          end
        end
      end
    end

    # What is no UTF-8 cannot stand in a query.
    def parameters(query)
      call_id = query[:call_id]&.b or return query
      return query if call_id.force_encoding(Encoding::UTF_8).valid_encoding?

      { **query.except(:call_id), id: [call_id].pack("m0").tr("+/", "-_").delete("=") }
    end

    # What the block raises is no fault of the connection.
    #
    # @yieldparam reader [Proc] the block, watched
    def outside(block)
      raised = nil
      yield(lambda do |part|
        block.call(part)
      rescue StandardError => e
        raised = e
        raise
      end)
    rescue SystemCallError, IOError, Net::ProtocolError, Net::HTTPBadResponse, Timeout::Error => e
      raise e.equal?(raised) ? e : unreachable(e)
    end

    def refused(response, text)
      text = CallRecord::Visible.of(text.to_s.strip)
      text.empty? ? "the server at #{path} answers #{response.code} #{response.message}" : text
    end

    def unreachable(error)
      case error
      when Errno::ENOENT
        NoAnswer.new("no server runs with the socket #{path}")
      when Errno::ECONNREFUSED
        return Error.new("#{path} is no socket of a server") unless File.socket?(path)

        NoAnswer.new("nobody listens at #{path}: the server has ended")
      when Errno::EACCES, Errno::EPERM
        self.class.closed(path)
      when Errno::ENOTSOCK, Errno::EPROTOTYPE
        Error.new("#{path} is no socket of a server")
      when Timeout::Error
        NoAnswer.new("the server at #{path} does not answer within #{LIMIT} s")
      else
        Error.new("the connection with the server at #{path} was lost: #{error.message}")
      end
    end
  end
end
