# frozen_string_literal: true

require_relative "sip_peer"

# OverSIP in this process, with peers around it. For examples tagged `:native`.
module RelayHelpers
  # Starts OverSIP on a free port of 127.0.0.1. The block is the script's on_request; what it raises fails the example
  # only through its effects, as in a real script.
  #
  # @return [Integer] the port, the same for UDP and TCP
  def start_oversip(configuration: {}, proxies: {}, &on_request)
    on_request(&on_request) if on_request
    quiet = { core: { syslog_level: "warn" }, sip: { listen_port: 0, enable_ipv6: false } }
    OverSIP.start(configuration: quiet.merge(configuration) { |_, ours, given| ours.merge(given) }, proxies: proxies)
    oversip_port
  end

  def oversip_port
    OverSIP.configuration[:sip][:listen_port]
  end

  # Sets what SipEvents.on_request does until the example ends.
  def on_request(&block)
    OverSIP::SipEvents.define_singleton_method(:on_request) { |request| block.call(request) }
  end

  # Waits for a condition with a deadline.
  def eventually(limit: SipPeer::LIMIT, message: nil)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + limit
    until (result = yield)
      if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
        raise RSpec::Expectations::ExpectationNotMetError, message || "the condition did not come true within #{limit} s"
      end

      RelayHelpers.pause
    end
    result
  end

  # Lets other threads go on before a condition is looked at again.
  def self.pause
    IO.select(nil, nil, nil, 0.002)
  end

  # A queue whose `pop` has a deadline: callbacks give their observations to the example.
  def mailbox
    Mailbox.new
  end

  def udp_peer(ip = "127.0.0.1", port: 0)
    UdpPeer.new(ip, port).tap { |peer| opened << peer }
  end

  def tcp_peer(port = oversip_port)
    TcpPeer.connect(port).tap { |peer| opened << peer }
  end

  def tcp_server
    TcpServerPeer.new.tap { |peer| opened << peer }
  end

  # A closed port of 127.0.0.1.
  def dead_port
    socket = UDPSocket.new
    socket.bind("127.0.0.1", 0)
    socket.addr[1]
  ensure
    socket.close
  end

  # A port whose packets are dropped: the only place in the queue of its listener is taken.
  def dropping_port(ip = "127.0.0.1")
    listener = Socket.new(:INET, :STREAM).tap { |socket| opened << socket }
    listener.bind(Addrinfo.tcp(ip, 0))
    listener.listen(0)
    fillers = Array.new(4) { Socket.new(:INET, :STREAM).tap { |it| it.connect_nonblock(listener.local_address, exception: false) } }
    opened.concat(fillers)
    # The queue holds the connections that come up.
    eventually { (1...fillers.size).cover?(fillers.count { |filler| filler.wait_writable(0) }) }
    listener.local_address.ip_port
  end

  def opened
    @opened ||= []
  end

  # A queue with a deadline (Thread::Queue#pop has one from Ruby 3.2 on).
  class Mailbox
    def initialize
      @items = []
      @lock = Mutex.new
      @filled = ConditionVariable.new
    end

    def <<(item)
      @lock.synchronize do
        @items << item
        @filled.signal
      end
      self
    end

    def pop(limit: SipPeer::LIMIT)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + limit
      @lock.synchronize do
        while @items.empty?
          left = deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
          raise "nothing came within #{limit} s" unless left.positive?

          @filled.wait(@lock, left)
        end
        @items.shift
      end
    end

    # All present elements.
    def all
      @lock.synchronize { @items.shift(@items.size) }
    end

    def empty?
      @lock.synchronize { @items.empty? }
    end
  end
end

RSpec.configure do |config|
  config.include RelayHelpers, :native

  default = OverSIP::SipEvents.method(:on_request)
  config.after(:each, :native) do
    OverSIP.stop(timeout: 0) if OverSIP.running?
    opened.each(&:close)
    OverSIP::SipEvents.define_singleton_method(:on_request, default)
  end
end
