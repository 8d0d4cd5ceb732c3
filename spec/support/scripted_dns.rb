# frozen_string_literal: true

require "resolv"
require "socket"

# A name server in this process that counts what it is asked. It speaks UDP, which is enough for short answers.
#
#   dns = ScriptedDns.new("one.example" => ["127.0.0.2"])
#   start_oversip(configuration: { core: { nameservers: [dns.address] } })
class ScriptedDns
  QUERY_OPCODE = 0
  SERVFAIL = 2
  NXDOMAIN = 3

  # @param records [Hash{String => Array<String>}] names and their addresses
  # @param failing [Array<String>] names for which it answers SERVFAIL
  # @param ttl [Integer] of addresses
  # @param negative_ttl [Integer] the minimum of the SOA record in denials
  # @param silent [Boolean] do not answer until {#speak}
  def initialize(records = {}, failing: [], ttl: 60, negative_ttl: 30, silent: false)
    @records = records
    @failing = failing
    @ttl = ttl
    @negative_ttl = negative_ttl
    @silent = silent
    @lock = Mutex.new
    @asked = []
    @held = []
    @socket = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
    @thread = Thread.new { serve }
  end

  def address
    "127.0.0.1:#{@socket.addr[1]}"
  end

  # @return [Array<String>] the questions so far, as "name type", a repeated datagram counted once
  def asked
    @lock.synchronize { @asked.map(&:last) }
  end

  # Answers what was asked during the silence, and from now on at once.
  def speak
    held = @lock.synchronize do
      @silent = false
      @held.shift(@held.size)
    end
    held.each { |query, from| reply(query, from) }
  end

  def close
    @thread.kill
    @thread.join
    @socket.close
  end

  private

  def serve
    loop do
      data, from = @socket.recvfrom(4096)
      query = Resolv::DNS::Message.decode(data)
      hold = @lock.synchronize do
        note(query, from)
        @held << [query, from] if @silent
        @silent
      end
      reply(query, from) unless hold
    end
  end

  # A datagram that the resolver repeats has the same id and port as the first.
  def note(query, from)
    name, type = query.question.first
    key = [query.id, from[1]]
    @asked << [key, "#{name} #{type.name[/\w+\z/]}"] unless @asked.any? { |known, _| known == key }
  end

  def reply(query, from)
    @socket.send(answer(query).encode, 0, from[3], from[1])
  end

  def answer(query)
    name, type = query.question.first
    message = Resolv::DNS::Message.new(query.id)
    message.qr = 1
    message.rd = message.ra = 1
    message.add_question(name, type)
    fill(message, name, type)
    message
  end

  def fill(message, name, type)
    return message.rcode = SERVFAIL if @failing.include?(name.to_s)

    known = @records[name.to_s.downcase]
    found = Array(known).select { |ip| ip.include?(":") == (type == Resolv::DNS::Resource::IN::AAAA) }
    found.each { |ip| message.add_answer(name, @ttl, type.new(ip)) }
    return unless found.empty?

    message.rcode = NXDOMAIN unless known
    soa = Resolv::DNS::Resource::IN::SOA.new(Resolv::DNS::Name.create("ns.example."),
                                             Resolv::DNS::Name.create("admin.example."), 1, 60, 60, 60, @negative_ttl)
    message.add_authority(Resolv::DNS::Name.create("example."), @negative_ttl, soa)
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
