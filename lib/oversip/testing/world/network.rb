# frozen_string_literal: true

require "oversip/testing/world/connections"
require "oversip/testing/world/names"

module OverSIP
  module Testing
    class World
      # The simulated network as personas use it: what they send, their timers, who is where. It lets the world go on.
      #
      # @api private
      class Network
        # Of a load of calls that begin at one time, each has some dozens of happenings.
        MOST_AT_ONCE = 100_000

        # What is raised when so many things happen while the clock stands.
        ENDLESS = "%d things have happened at %s s, and it goes on without end: the last block of the script that ran is %s"
        private_constant :MOST_AT_ONCE, :ENDLESS

        # @return [Engine::World]
        attr_reader :native
        # @return [Names]
        attr_reader :names
        # @return [Connections]
        attr_reader :connections

        # @param listeners [Hash{Symbol => String}] where the element listens, by transport
        # @param names [Names]
        # @param guard [Proc] runs a block of the spec
        # @param last_block [Proc] says which block of the script has run last
        def initialize(native, listeners, names, guard, last_block)
          @native = native
          @listeners = listeners
          @names = names
          @guard = guard
          @last_block = last_block
          @connections = Connections.new(native)
          @personas = []
          @peers = {}
          @numbers = {}
          @timers = {}
          @counts = Hash.new(0)
          @tags = {}
          @sides = {}
          @senders = {}
        end

        # Adds a persona to the network.
        def add(persona)
          number_of(persona, persona.transport)
          @personas << persona
        end

        # @return [Float]
        def now
          @native.now
        end

        # Lets all things happen that are due by a time.
        #
        # @param limit [Float] seconds of the world's clock
        # @raise [OverSIP::RuntimeError] one thing leads to another without end, and no time passes
        def run_until(limit)
          at = now
          count = 0
          going_on do
            while (event = @native.step(limit))
              take(event)
              count += 1
              at, count = check_progress(at, count) if (count % MOST_AT_ONCE).zero?
            end
          end
        end

        # @return [Boolean] whether it goes on just now
        def runs?
          @runs
        end

        # Lets all things happen that are due at this instant, unless a block of the script or of a persona asks for that:
        # what it has begun happens after it.
        #
        # @return [nil]
        def settle
          run_until(now) unless runs?
          nil
        end

        # Lets one thing happen, whenever it is due.
        #
        # @return [Boolean] false: nothing more is due
        def step
          going_on do
            event = @native.step(nil)
            take(event) if event
            !event.nil?
          end
        end

        # Lets things happen until a request is answered or given up, or nothing more is due.
        #
        # @param exchange [Exchange]
        def run_to_outcome(exchange)
          return if runs?

          nil until exchange.final? || exchange.timed_out? || !step
        end

        # Sends bytes of a persona: a datagram, or over its connection with that address, opened where there is none.
        def send_bytes(persona, bytes, transport, remote)
          number = number_of(persona, transport)
          return @native.send_bytes(number, bytes, remote) unless persona.opens_first?

          connections.send_bytes(number, bytes, remote) { persona.connect }
        end

        # Opens the connection of a client with the element.
        #
        # @param head [String, nil] the HTTP request for a WebSocket
        def connect(client, head)
          number = number_of(client, client.transport)
          connections.open(client, number, element_address(client.transport), head)
        end

        # Lets it end, stand still or go on.
        #
        # @param how [Symbol] :disconnect, :finish, :stall or :unstall
        # @return [nil]
        def change_connection(client, how)
          found = @native.public_send(how, number_of(client, client.transport), element_address(client.transport))
          raise OverSIP::RuntimeError, "#{client.name} has no connection with the element" unless found

          settle
        end

        # @param how [Symbol] :refused or :silent
        # @return [nil]
        def cut_off(persona, how)
          @native.cut_off(persona.address, how)
          nil
        end

        # What a target shows to who connects by TLS.
        #
        # @param pems [Array<String>]
        def show_certificates(target, pems)
          @native.show_certificates(target.address, pems)
        end

        # @return [nil]
        def restore(persona)
          @native.restore(persona.address)
          nil
        end

        # Runs a block after some time.
        #
        # @return [Integer] for {cancel}
        def after(seconds, &block)
          key = @counts[:timer] += 1
          @timers[key] = block
          @native.start_timer(seconds, key)
          key
        end

        # @param timer [Integer, nil]
        def cancel(timer)
          @timers.delete(timer)
        end

        # Runs a block of the spec: what it raises fails the example.
        def guard(&)
          @guard.call(&)
        end

        # @return [String] one that is not used yet
        def draw(prefix)
          "#{prefix}-#{@counts[prefix] += 1}"
        end

        # @return [String] a From or To tag, which tells whose it is
        def draw_tag(persona, token)
          draw(token).tap { |tag| @tags[tag] = persona.name }
        end

        # @return [String] who has made a response with this To tag
        def owner_of(tag)
          @tags.fetch(tag, ELEMENT)
        end

        # @return [String]
        # @raise [ArgumentError] the element does not listen by this transport
        def element_address(transport)
          @listeners.fetch(transport) do
            raise ArgumentError,
                  "the element does not listen by #{transport}: its configuration has #{@listeners.keys.join(", ")}"
          end
        end

        # @param target [String] "udp:192.0.2.1:5060"
        # @return [String, nil] who is there
        def name_of(target)
          transport, address = target.split(":", 2)
          return ELEMENT if address && @listeners[transport.to_sym] == address

          there(transport.to_sym, address)&.name
        end

        # @return [Persona, nil] who is at an address with this transport
        def there(transport, address)
          @peers[[transport, address]]
        end

        # @return [Array<String>]
        def party_names
          @personas.map(&:name)
        end

        # @param host [String] IP address
        # @return [Array<String>] who has this host
        def of_host(host)
          @personas.select { |persona| persona.address.start_with?("#{host}:") }.map(&:name).uniq
        end

        # @param uri [String]
        # @return [Array(Symbol, String), nil] transport and address of its host; nil when the name is unknown
        def locate(uri)
          names.locate(uri)
        end

        # @param call_id [String, nil]
        # @return [Array<Call, ReceivedCall>] the calls with this Call-ID as their parties see them, in the order of their
        #   beginning
        def sides(call_id)
          @sides.fetch(call_id, [])
        end

        # @param side [Call, ReceivedCall]
        def note_side(side)
          (@sides[side.call_id] ||= []) << side
        end

        # @param exchange [Exchange] a request that a persona sends
        def note_exchange(exchange)
          @senders[exchange.call_id] ||= exchange.party.name
          note_side(exchange) if exchange.is_a?(Call)
        end

        # @param call_id [String, nil]
        # @return [String] who has sent the first request with this Call-ID: a persona, else the element
        def sender_of(call_id)
          @senders.fetch(call_id, ELEMENT)
        end

        private

        def check_progress(former, count)
          raise OverSIP::RuntimeError, format(ENDLESS, count, now.round(3), @last_block.call) if now == former

          [now, 0]
        end

        def going_on
          outermost = !@runs
          @runs = true
          yield
        ensure
          @runs = false if outermost
        end

        # A persona has a peer of the network for each transport that it uses.
        def number_of(persona, transport)
          @numbers[[persona, transport]] ||= begin
            number = @native.add_peer(persona.name, transport, persona.address)
            @peers[number] = @peers[[transport, persona.address]] = persona
            number
          end
        end

        def take(event)
          return if event == :happened

          kind, *data = event
          case kind
          when :message
            number, transport, remote, local, bytes = data
            @peers.fetch(number).receive(bytes, transport, remote, local)
          when :connection_up then connections.up(*data)
          when :connection_ended then connections.ended(*data)
          when :upgrade_answered then connections.answered(*data)
          when :timer then @timers.delete(data.first)&.call
          end
        end
      end
    end
  end
end
