# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # What the ladder says of a block beside the name of its event: what it ran for. It is the same each time, so it has no
      # numbers of objects, and it is short.
      #
      # @api private
      module BlockSubject
        class << self
          # @param event [Symbol]
          # @param subject [Object]
          # @param arguments [Array]
          # @return [String]
          def of(event, subject, arguments)
            case event
            when :on_request then "#{subject.sip_method} #{subject.ruri}"
            when :on_connection then connection(*arguments)
            when :on_disconnection then disconnection(*arguments)
            when :on_client_tls_handshake, :on_server_tls_handshake then address(arguments.first)
            else others(arguments)
            end
          rescue StandardError
            "" # a script may give its objects strange methods: they must not end the example
          end

          private

          def connection(connection, request)
            [address(connection), request.uri_path, request.hdr_origin].compact.join(" ")
          end

          def disconnection(connection, by_client)
            "#{address(connection)}, by #{by_client ? "the client" : World::ELEMENT}"
          end

          def address(connection)
            ip = connection.remote_ip
            "#{ip.include?(":") ? "[#{ip}]" : ip}:#{connection.remote_port}"
          end

          def others(arguments)
            first = arguments.first
            return "#{first.status_code} #{first.reason_phrase}" if first.respond_to?(:status_code)

            arguments.map { |argument| word(argument) }.join(" ")
          end

          # Kernel#to_s has the number of the object.
          def word(argument)
            argument.method(:to_s).owner == Kernel ? argument.class.to_s : argument.to_s
          end
        end
      end
    end
  end
end
