# frozen_string_literal: true

require "etc"
require "oversip/nearest"

module OverSIP
  module Config
    # The reason and the remedy for an invalid value: the end of the message of a {ConfigurationError}.
    #
    # @api private
    class Explanation
      YES = %w[yes on true].freeze
      NO = %w[no off false].freeze

      # The unit of a number, from its name.
      UNITS = { /time(?:out)?\z|interval\z|\Atimer_/ => "seconds", /(?:bytes|size|mtu)\z/ => "bytes" }.freeze

      # @param parameter [Parameter]
      # @param from_ruby [Boolean] the value is a script's, not a file's
      def initialize(parameter, from_ruby:)
        @parameter = parameter
        @from_ruby = from_ruby
      end

      # @param rule [Symbol] the one that the value breaks
      # @param argument [Object, nil] of the rule
      # @return [String, nil] nil when the rule says it all
      def of(rule, argument, value)
        return file(value) if rule == :readable_file
        return folder(value) if rule == :readable_dir

        argument.nil? ? try(rule, value) : try(rule, value, argument)
      end

      # @return [String, nil] what the numbers of this parameter count
      def unit
        UNITS.find { |pattern, _| pattern.match?(@parameter.name) }&.last
      end

      private

      def try(rule, ...)
        respond_to?(rule, true) ? send(rule, ...) : nil
      end

      def boolean(value)
        word = value.to_s.downcase
        meant = YES.include?(word) || (NO.include?(word) ? false : nil)
        return quoted(value, @from_ruby ? meant : Parameter.show(meant)) if value.is_a?(String) && !meant.nil?

        @from_ruby ? "true or false" : "write yes or no"
      end

      def fixnum(value)
        text = value.to_s
        return quoted(value, text.delete("_")) if value.is_a?(String) && text.match?(/\A\d[\d_]*\z/)

        wanted = "a whole number#{" of #{unit}" if unit}#{", #{range}" if range}"
        value.is_a?(String) && text.match?(/\A\d/) ? "#{wanted}, without anything behind it" : wanted
      end

      def number(_value)
        "a number#{", #{range}" if range}"
      end

      def port(value)
        return fixnum(value) unless value.is_a?(Integer)
        return "a file has to name the port: 1 to #{Validators::MAX_PORT}" if value.zero?

        "#{side(value, value.negative?)}: 1 to #{Validators::MAX_PORT}"
      end

      def greater_equal_than(value, _bound)
        "#{side(value, true)}: #{[range, unit].compact.join(" ")}"
      end

      def minor_than(value, _bound)
        "#{side(value, false)}: #{[range, unit].compact.join(" ")}"
      end
      alias minor_equal_than minor_than

      def udp_mtu(value, sizes)
        "#{side(value, value < sizes.begin)}: #{sizes.begin} to #{sizes.end} bytes, or 0 for never"
      end

      def min_bytes(value, bound)
        return "a text of #{bound} bytes or more, in quotes when it looks like a number" unless value.is_a?(String)

        "#{value.bytesize} bytes are below the bound: at least #{bound}"
      end

      def ipv4(value)
        case value
        when "0.0.0.0" then unspecified("ipv4")
        when /\A[\d.]+:\d+\z/ then "an address without a port, which stands in listen_port"
        when /:/ then "an IPv6 address belongs to #{@parameter.name.to_s.sub("ipv4", "ipv6")}"
        else "an address such as 192.0.2.1: four numbers up to 255 without leading zeros, no name"
        end
      end

      def ipv6(value)
        case value
        when "::", "0::0", "::0" then unspecified("ipv6")
        when /\A\[.*\]:\d+\z/ then "an address without brackets and port, which stands in listen_port"
        when /\A\[/ then "write it without brackets"
        when /%/ then "an address of a link does not do: write one that peers can send to"
        when Validators::IPV4 then "an IPv4 address belongs to #{@parameter.name.to_s.sub("ipv6", "ipv4")}"
        else "an address such as 2001:db8::1, no name"
        end
      end

      # What stands in a header cannot be "any address".
      def unspecified(family)
        instead = "leave the parameter out for the address that faces the network, or " unless @from_ruby
        "it means every address of this machine, but Via and Record-Route need one that peers can send to: #{instead}" \
          "write that one; behind NAT advertised_#{family} says the public one"
      end

      def nameserver(value)
        return "write 127.0.0.1 for a server on this machine" if ["0.0.0.0", "::"].include?(value)

        "an address, or address:port ([address]:port for IPv6)"
      end

      def hep_collector(_value)
        "udp:HOST:PORT or tcp:HOST:PORT; an IPv6 address stands in brackets"
      end

      def http_address(_value)
        "an address and a port, such as 127.0.0.1:9464 or [::1]:9464, or :9464 for this machine alone"
      end

      def socket_path(value)
        return "the path of a file, or no" if value == true

        (ControlSocket.impossible(value) if value.is_a?(String)) || "an absolute path, or no"
      end

      def domain(value)
        return "names in quotes" unless value.is_a?(String)

        "a domain such as example.net: no scheme, no port, no dot at its end"
      end

      def choices(value, list)
        words = list.map { |entry| Parameter.show(entry) }
        quoted_boolean = value.is_a?(String) && list.include?(YES.include?(value)) && (YES + NO).include?(value)
        return quoted(value, value) if quoted_boolean && !@from_ruby

        "one of #{words.join(", ")}#{Nearest.hint(Parameter.show(value), words)}"
      end

      def header_text(value)
        value.is_a?(String) ? "one line of text without blanks at its ends" : "a text: write it in quotes"
      end

      def credentials(_value)
        "a mapping of texts as docs/configuration.md has it, in quotes where they look like numbers"
      end

      def file(value)
        return "the name of a file" unless value.is_a?(String)
        return "it is a folder" if File.directory?(value)

        missing_or_closed(value)
      end

      def folder(value)
        return "the name of a folder" unless value.is_a?(String)
        return "it is no folder" if File.exist?(value) && !File.directory?(value)

        missing_or_closed(value)
      end

      def missing_or_closed(path)
        return "the user #{Etc.getpwuid&.name} may not read it" if File.exist?(path)

        parent = File.dirname(path)
        return "there is nothing of that name" if File.directory?(parent) && File.executable?(parent)

        File.exist?(parent) ? "the user #{Etc.getpwuid&.name} may not enter #{parent}" : "there is no folder #{parent}"
      end

      def quoted(value, meant)
        return "a String is given: write #{meant} without quotes" if @from_ruby

        "the quotes make a text of #{value}: write #{meant} without them"
      end

      def side(value, below)
        "#{value} is #{below ? "below" : "above"} the bound"
      end

      # @return [String, nil] from and to what numbers may be
      def range
        least, most = @parameter.bounds
        return "at least #{least}" if least && !most

        "#{least} to #{most}" if least
      end
    end
  end
end
