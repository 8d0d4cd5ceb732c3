# frozen_string_literal: true

require "oversip/testing/world"

# For specs of the test toolkit itself: a world whose script relays to example.com.
module ToolkitWorld
  def self.included(group)
    group.after { @world&.close }
  end

  # The world of the example.
  def world
    @world || open_world
  end

  def alice
    world.client(:alice)
  end

  def gateway
    world.target("gw1.example")
  end

  def open_world(**options, &block)
    block ||= ->(request) { relay(request) } unless options.key?(:script)
    @world = OverSIP::Testing::World.open(**options, &block)
  end

  # The script: initial requests go to example.com, those of dialogs where their Route says.
  def relay(request)
    request.fix_nat
    return request.reply(404) if request.in_dialog? && !request.loose_route && request.sip_method != :ACK

    proxy = OverSIP::SIP::Proxy.new
    request.initial? ? proxy.route(request, "example.com") : proxy.route(request)
  end

  # A world in which example.com has these hosts.
  def world_with(*hosts, service: "_sip._udp.example.com", **options, &block)
    open_world(**options, &block)
    world.zone { srv service, *hosts }
    world
  end

  # The failures of the world, once more as text.
  def error_texts
    world.errors.map(&:message)
  end

  # A script in a file of its own.
  # @return [String] its path
  def script(text, name: "server.rb")
    path = File.join(folder, name)
    File.write(path, text)
    path
  end

  def folder
    @folder ||= Dir.mktmpdir
  end
end
