# frozen_string_literal: true

module Bench
  # SIP over a TCP stream to SIP over WebSocket and back (RFC 6455 5.2, RFC 7118): the pure part of a pump.
  module WebsocketFrames
    HEAD_END = "\r\n\r\n"

    # Takes whole messages from a stream (RFC 3261 18.3).
    #
    # @param buffer [String] what has come; what is taken is cut off
    # @return [Array<String>]
    def self.take_messages(buffer)
      messages = []
      while (head = buffer.index(HEAD_END))
        size = head + HEAD_END.bytesize + buffer.byteslice(0, head)[/^Content-Length:\s*(\d+)/i, 1].to_i
        break if buffer.bytesize < size

        messages << buffer.slice!(0, size)
      end
      messages
    end

    # A text frame of a client. The mask is zero, which leaves the bytes as they are; the server has to undo it all the same.
    def self.frame(message)
      size = message.bytesize
      head = case size
             when 0..125 then [0x81, 0x80 | size].pack("CC")
             when 126..65_535 then [0x81, 0x80 | 126, size].pack("CCn")
             else [0x81, 0x80 | 127, size].pack("CCQ>")
             end
      "#{head}\0\0\0\0#{message}".b
    end

    # Takes whole frames of a server.
    #
    # @param buffer [String] what has come; what is taken is cut off
    # @return [String] the payloads of text and binary frames
    def self.take_payloads(buffer)
      payloads = +"".b
      while (head, size = extent(buffer)) && buffer.bytesize >= head + size
        frame = buffer.slice!(0, head + size)
        payloads << frame.byteslice(head, size) if (frame.getbyte(0) & 0x0f).between?(0, 2)
      end
      payloads
    end

    # @return [Array(Integer, Integer), nil] bytes of the next frame's head and of its payload
    def self.extent(buffer)
      return if buffer.bytesize < 2

      case (size = buffer.getbyte(1) & 0x7f)
      when 126 then [4, buffer.unpack1("@2n")] if buffer.bytesize >= 4
      when 127 then [10, buffer.unpack1("@2Q>")] if buffer.bytesize >= 10
      else [2, size]
      end
    end
    private_class_method :extent
  end
end
