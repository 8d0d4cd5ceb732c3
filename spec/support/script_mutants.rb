# frozen_string_literal: true

# Changes of a script, one at a time, that its examples have to notice: each condition is negated, each argument of `route` and
# `reply` is another one, and each statement is left out.
class ScriptMutants
  # The changed script, and what was changed.
  Mutant = Struct.new(:kind, :line, :before, :after, :text) do
    def to_s
      "#{kind} in line #{line}: #{before.inspect} is #{after.inspect}"
    end
  end

  METHODS = %i[route reply].freeze

  # @param source [String]
  def initialize(source)
    @source = source
    @starts = [0]
    source.each_line { |line| @starts << (@starts.last + line.bytesize) }
    @mutants = []
  end

  # @return [Array<Mutant>]
  def all
    visit(RubyVM::AbstractSyntaxTree.parse(@source)) if @mutants.empty?
    @mutants
  end

  private

  def visit(node)
    return unless node.is_a?(RubyVM::AbstractSyntaxTree::Node)

    case node.type
    when :IF, :UNLESS then negate(node.children.first)
    when :AND, :OR then node.children.each { |operand| negate(operand) }
    when :CALL, :FCALL then change_arguments(node)
    when :DEFN, :DEFS, :ITER then leave_out(node.children.last.children.last)
    end
    node.children.each { |child| visit(child) }
  end

  def negate(condition)
    add("a condition", span(condition), "!(#{text(condition)})")
  end

  def change_arguments(call)
    *, name, arguments = call.children
    return unless METHODS.include?(name) && arguments

    list, splat = arguments.type == :ARGSCAT ? arguments.children : [arguments, nil]
    list.children.compact.each { |argument| add("an argument of #{name}", span(argument), another(argument)) }
    change_splat(name, list, arguments, splat) if splat
  end

  def another(argument)
    return (argument.children.first + 11).to_s if argument.type == :LIT || argument.type == :INTEGER

    argument.type == :STR ? '"Another"' : "nil"
  end

  # All of a destination, and each part of it.
  def change_splat(name, list, arguments, splat)
    from = span(list).end
    range = from...span(arguments).end
    destination = text(splat)
    ["", ", *#{destination}.drop(1)", ", *#{destination}.first(1)", ", *#{destination}.first(2)"].each do |other|
      add("an argument of #{name}", range, other)
    end
  end

  # Each statement of a body, also those inside of conditions.
  def leave_out(body)
    return unless body.is_a?(RubyVM::AbstractSyntaxTree::Node)

    case body.type
    when :BLOCK then body.children.each { |statement| leave_out(statement) }
    when :IF, :UNLESS
      body.children.drop(1).each { |branch| leave_out(branch) }
    when :NIL, :LVAR, :BEGIN then nil # the value of a method, or nothing
    else add("a statement", span(body), "nil")
    end
  end

  def add(kind, range, replacement)
    before = @source.byteslice(range)
    changed = @source.byteslice(0, range.begin) + replacement + @source.byteslice(range.end..)
    line = @source.byteslice(0, range.begin).count("\n") + 1
    @mutants << Mutant.new(kind, line, before.lines.first.chomp, replacement, changed)
  end

  def text(node)
    @source.byteslice(span(node))
  end

  def span(node)
    (@starts[node.first_lineno - 1] + node.first_column)...(@starts[node.last_lineno - 1] + node.last_column)
  end
end
