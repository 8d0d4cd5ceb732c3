# frozen_string_literal: true

# The text format of Prometheus, read.
class MetricsPage
  Metric = Struct.new(:name, :type, :help, :labels, keyword_init: true)

  # The ends of the names of a histogram's samples.
  PARTS = /_(?:bucket|sum|count)\z/

  # @return [Hash{String => Metric}] by name
  attr_reader :metrics
  # @return [Hash{String => Float}] each sample with its labels as they stand there
  attr_reader :samples

  # @param text [String] of `/metrics`
  def initialize(text)
    @metrics = {}
    @samples = {}
    text.each_line(chomp: true) { |line| read(line) }
  end

  # @return [Float] the value of a sample; 0.0 where there is none
  def [](sample)
    samples.fetch(sample, 0.0)
  end

  # @return [Array<String>] what a table of the metrics looks like in a document
  def table
    rows = metrics.values.sort_by(&:name).map do |metric|
      labels = metric.labels.empty? ? "" : metric.labels.map { |label| "`#{label}`" }.join(", ")
      "| `#{metric.name}` | #{metric.type} | #{labels} | #{metric.help.chomp(".")} |"
    end
    ["| metric | type | labels | |", "|---|---|---|---|", *rows]
  end

  private

  def read(line)
    if (match = line.match(/\A# HELP (\S+) (.*)/))
      @metrics[match[1]] = Metric.new(name: match[1], help: match[2], labels: [])
    elsif (match = line.match(/\A# TYPE (\S+) (\S+)/))
      @metrics.fetch(match[1]).type = match[2]
    elsif (match = line.match(/\A(\w+)(?:\{(.*)\})? (\S+)\z/))
      sample(match[1], match[2], Float(match[3]))
    else
      raise "no line of the text format: #{line.inspect}"
    end
  end

  def sample(name, labels, value)
    @samples[labels ? "#{name}{#{labels}}" : name] = value
    metric = @metrics[name] || @metrics.fetch(name.sub(PARTS, ""))
    metric.labels |= labels.to_s.scan(/(\w+)="/).flatten - ["le"]
  end
end
