# frozen_string_literal: true

require "open3"
require "tempfile"

# What Wireshark reads in a capture file. `bin/setup` installs it.
module Tshark
  # Separates fields, and values of a field that occurs several times: neither is in what specs ask for.
  SEPARATORS = ["-E", "separator=|", "-E", "aggregator=~"].freeze

  # @param file [String] a capture file
  # @param fields [Array<String>] names of Wireshark's fields
  # @return [Array<Array<String>>] for each packet the values of the fields; empty where it has none
  def packets(file, *fields)
    output = tshark(file, "-T", "fields", *SEPARATORS, *fields.flat_map { |field| ["-e", field] })
    output.lines(chomp: true).map { |line| line.split("|", -1) }
  end

  # @return [String] what tshark prints of it
  def tshark(file, *arguments)
    Tempfile.create(["calls", ".pcapng"], binmode: true) do |temporary|
      temporary.write(file)
      temporary.flush
      output, error, status = Open3.capture3("tshark", "-n", "-r", temporary.path, *arguments)
      raise "tshark failed: #{error}" unless status.success?

      output
    end
  end
end
