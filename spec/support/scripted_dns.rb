# frozen_string_literal: true

require "resolv"
require "socket"

# A name server in this process that counts its questions and misbehaves on demand.
#
#   dns = ScriptedDns.new("one.example" => ["127.0.0.2"], "alias.example" => [{ cname: "one.example" }],
#                         "_sip._udp.one.example" => [{ srv: [0, 5, 5060, "one.example"] }])
#   start_oversip(configuration: { core: { nameservers: [dns.address] } })
class ScriptedDns
  SERVFAIL = 2
  NXDOMAIN = 3
  IN = Resolv::DNS::Resource::IN
  NAPTR = Resolv::DNS::Resource::Generic.create(35, 1)

  # @param records [Hash{String => Array<String, Hash>}] names and their addresses, or `{ srv: [...] }`, `{ cname: name }`,
  #   `{ naptr: [order, preference, flags, services, replacement] }`
  # @param failing [Array<String>] names for which it answers SERVFAIL
  # @param ttl [Integer, Hash{String => Integer}] of records that exist, or of some of them by name
  # @param negative_ttl [Integer] the minimum of the SOA record in denials
  # @param silent [Boolean] do not answer until {#speak}
  # @param truncating [Boolean] answer by UDP only that the answer does not fit
  # @param losing [Integer] how many of the first datagrams get no answer
  # @param ip [String] where it listens
  def initialize(records = {}, failing: [], ttl: 60, negative_ttl: 30, silent: false, truncating: false, losing: 0,
                 ip: "127.0.0.1")
    @records = records.transform_keys(&:downcase)
    @failing = failing
    @ttl = ttl
    @negative_ttl = negative_ttl
    @silent = silent
    @truncating = truncating
    @losing = losing
    @ip = ip
    @lock = Mutex.new
    @asked = []
    @asked_by_tcp = []
    @held = []
    listen
    @threads = [Thread.new { serve }, Thread.new { serve_tcp }]
  end

  def address
    @ip.include?(":") ? "[#{@ip}]:#{port}" : "#{@ip}:#{port}"
  end

  # @return [Array<String>] the questions so far, as "name type", a repeated datagram counted once
  def asked
    @lock.synchronize { @asked.map(&:last) }
  end

  # @return [Array<String>] the questions that came by TCP
  def asked_by_tcp
    @lock.synchronize { @asked_by_tcp.dup }
  end

  # Adds a record, as `initialize` takes them.
  def add(name, record)
    @lock.synchronize { (@records[name.downcase] ||= []) << record }
  end

  # Answers the questions of the silent time, and later ones at once.
  #
  # @param only_held [Boolean] then be silent again
  def speak(only_held: false)
    held = @lock.synchronize do
      @silent = only_held
      @held.shift(@held.size)
    end
    held.each { |query, from| reply(query, from) }
  end

  def close
    @threads.each(&:kill).each(&:join)
    [@socket, @server].each(&:close)
  end

  private

  def port
    @socket.addr[1]
  end

  # UDP and TCP share a port.
  def listen
    @socket = UDPSocket.new(@ip.include?(":") ? Socket::AF_INET6 : Socket::AF_INET)
    @socket.bind(@ip, 0)
    @server = TCPServer.new(@ip, port)
  rescue Errno::EADDRINUSE
    @socket.close
    retry
  end

  def serve
    loop do
      data, from = @socket.recvfrom(4096)
      query = Resolv::DNS::Message.decode(data)
      reply(query, from) if @lock.synchronize { answers?(query, from) }
    end
  end

  def answers?(query, from)
    note(query)
    @held << [query, from] if @silent
    return false if @silent
    return true unless @losing.positive?

    @losing -= 1
    false
  end

  def serve_tcp
    loop do
      connection = @server.accept
      while (length = connection.read(2))
        query = Resolv::DNS::Message.decode(connection.read(length.unpack1("n")))
        @lock.synchronize { @asked_by_tcp << text(query) }
        whole = answer(query).encode
        connection.write([whole.bytesize].pack("n") + whole)
      end
    rescue SystemCallError
      next
    ensure
      connection&.close
    end
  end

  def text(query)
    name, type = query.question.first
    "#{name} #{type::TypeValue == 35 ? "NAPTR" : type.name[/\w+\z/]}"
  end

  # A datagram that the resolver repeats has the same id as the first.
  def note(query)
    asked = [query.id, text(query)]
    @asked << asked unless @asked.include?(asked)
  end

  def reply(query, from)
    @socket.send((@truncating ? truncated(query) : answer(query)).encode, 0, from[3], from[1])
  end

  def answer(query)
    name, type = query.question.first
    message(query).tap { |message| fill(message, name, type) }
  end

  def truncated(query)
    message(query).tap { |message| message.tc = 1 }
  end

  def message(query)
    Resolv::DNS::Message.new(query.id).tap do |message|
      message.qr = message.rd = message.ra = 1
      message.add_question(*query.question.first)
    end
  end

  def fill(message, name, type)
    return message.rcode = SERVFAIL if @failing.include?(name.to_s)

    known = records_of(name)
    found = known.to_a.select { |record| [type, IN::CNAME].any? { |wanted| same_type?(record.class, wanted) } }
    found.each { |record| message.add_answer(name, ttl_of(name), record) }
    return unless found.empty?

    message.rcode = NXDOMAIN unless known
    soa = IN::SOA.new(Resolv::DNS::Name.create("ns.example."), Resolv::DNS::Name.create("admin.example."),
                      1, 60, 60, 60, @negative_ttl)
    message.add_authority(Resolv::DNS::Name.create("example."), @negative_ttl, soa)
  end

  # Newer versions of Resolv make a new class each time that they meet an unknown type.
  def same_type?(one, other)
    [one::TypeValue, one::ClassValue] == [other::TypeValue, other::ClassValue]
  end

  def ttl_of(name)
    @ttl.is_a?(Hash) ? @ttl.fetch(name.to_s, 60) : @ttl
  end

  # @return [Array<Resolv::DNS::Resource>, nil] nil where there is no such name
  def records_of(name)
    @records[name.to_s.downcase]&.map { |record| resource(record) }
  end

  def resource(record)
    case record
    when /:/ then IN::AAAA.new(record)
    when String then IN::A.new(record)
    when Hash then record.map { |type, data| send(type, *data) }.first
    end
  end

  def cname(target)
    IN::CNAME.new(Resolv::DNS::Name.create("#{target}."))
  end

  def srv(priority, weight, port, target)
    IN::SRV.new(priority, weight, port, target == "." ? Resolv::DNS::Name.new([]) : Resolv::DNS::Name.create("#{target}."))
  end

  def naptr(order, preference, flags, services, replacement)
    texts = [flags, services, ""].map { |text| [text.bytesize, text].pack("Ca*") }
    labels = replacement.split(".").map { |label| [label.bytesize, label].pack("Ca*") }
    NAPTR.new([order, preference].pack("nn") + texts.join + labels.join + "\0".b)
  end
end

# Starts name servers for an example.
module DnsHelpers
  def scripted_dns(records = {}, **options)
    ScriptedDns.new(records, **options).tap { |dns| opened << dns }
  end

  # The questions about one name.
  def questions(dns, name)
    dns.asked.select { |question| question.start_with?("#{name} ") }
  end
end

RSpec.configure { |config| config.include DnsHelpers, :native }
