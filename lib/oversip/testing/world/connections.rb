# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # Connections that a persona has to open before it sends: with a certificate of its own, or by an HTTP request for a
      # WebSocket. What it sends meanwhile waits until the connection is up.
      #
      # @api private
      class Connections
        # @param native [Engine::World]
        def initialize(native)
          @native = native
          # What waits, by peer and address; nil once the connection is up.
          @waiting = {}
          @personas = {}
        end

        # Opens one, whoever opens it.
        #
        # @param number [Integer] the peer
        # @param head [String, nil] the HTTP request for a WebSocket
        def open(persona, number, remote, head)
          @waiting[[number, remote]] = []
          @personas[number] = persona
          head ? @native.upgrade(number, remote, head, persona.pems) : @native.connect(number, remote, persona.pems)
        end

        # Sends over it, or keeps the bytes until it is up.
        #
        # @yield opens it, when there is none
        def send_bytes(number, bytes, remote)
          way = [number, remote]
          yield unless @waiting.key?(way)
          # It was refused at once.
          return unless @waiting.key?(way)

          waiting = @waiting[way]
          waiting ? waiting << bytes : @native.send_bytes(number, bytes, remote)
        end

        # A WebSocket was granted or refused.
        def answered(number, _remote, status, headers)
          @personas.fetch(number).upgrade = Upgrade.new(status, headers)
        end

        # It carries messages from now on.
        def up(number, remote)
          waiting = @waiting[[number, remote]] or return

          @waiting[[number, remote]] = nil
          waiting.each { |bytes| @native.send_bytes(number, bytes, remote) }
        end

        # It is gone, with what has waited.
        def ended(number, remote)
          @waiting.delete([number, remote])
        end
      end
    end
  end
end
