# frozen_string_literal: true

# A web server for specs, on a port of 127.0.0.1: `PUT /users/NAME` and `GET /users/NAME`. After `PUT /control` with "hold" all GETs
# wait for "release".
require "webrick"

users = {}
gate = Mutex.new
opened = ConditionVariable.new
held = false

server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: Integer(ARGV.fetch(0)), AccessLog: [])

server.mount_proc("/users") do |request, response|
  name = File.basename(request.path)
  next users[name] = request.body if request.request_method == "PUT"

  gate.synchronize { opened.wait(gate) while held }
  response.status = 404 unless users.key?(name)
  response.body = users.fetch(name, "")
end

server.mount_proc("/control") do |request, _|
  gate.synchronize do
    held = request.body == "hold"
    opened.broadcast
  end
end

# WEBrick's own servlet for procedures serves GET and POST alone.
class WEBrick::HTTPServlet::ProcHandler # rubocop:disable Style/ClassAndModuleChildren -- another program's class
  alias do_PUT do_GET
end

server.start
