# frozen_string_literal: true

module OverSIP
  # The configuration as the `oversip` command prints it at its start.
  #
  # @api private
  class ConfigPrinter
    NAME_WIDTH = 32

    STYLES = { bold: "1", yes: "1;32", no: "1;31", text: "33", number: "1;34" }.freeze

    def initialize(color:)
      @color = color
    end

    # @return [String]
    def text(configuration)
      sections = configuration.map do |section, values|
        ["  #{paint(section, :bold)}:", *values.map { |name, value| line(name, value) }, ""]
      end
      ["", *sections].join("\n")
    end

    private

    def line(name, value)
      shown = Config::Parameter::SECRETS.include?(name) && value ? "(set)" : Config::Parameter.show(value)
      "    #{name.to_s.ljust(NAME_WIDTH)}:  #{paint(shown, style(value))}"
    end

    def style(value)
      case value
      when true then :yes
      when false then :no
      when Integer then :number
      when nil then nil
      else :text
      end
    end

    def paint(text, style)
      @color && style ? "\e[#{STYLES.fetch(style)}m#{text}\e[0m" : text.to_s
    end
  end
end
