# frozen_string_literal: true

require "tsort"

# The files of a Rust crate and which of them knows which, read from their `use` lines and paths. What a file uses through a
# folder's `mod.rs` counts for the file that defines it, not for the `mod.rs` that hands it on. Tests do not count.
class RustFiles
  include TSort

  # @param root [String] the folder of the crate's `lib.rs`
  def initialize(root)
    @root = root
    @code = Dir[File.join(root, "**", "*.rs")].reject { |path| path.end_with?("_tests.rs") }.to_h do |path|
      [module_of(path.delete_prefix("#{root}/")), code_of(File.read(path))]
    end
    @files = @code.keys.to_h { |name| [name, nil] }
  end

  # @return [Hash{String => Array<String>}] by file, the files that it knows; paths are relative to the root
  def known
    @known ||= @code.keys.sort.to_h { |name| [file(name), (uses(name) - [name]).map { |other| file(other) }.sort] }
  end

  # @return [Array<Array<String>>] files that know each other, round about; each circle once
  def circles
    strongly_connected_components.select { |files| files.size > 1 }.map(&:sort).sort
  end

  def tsort_each_node(&) = known.each_key(&)

  def tsort_each_child(file, &) = known.fetch(file).each(&)

  private

  # `a/mod.rs` and `a.rs` are the module `["a"]`, `lib.rs` is `[]`.
  def module_of(path)
    names = path.delete_suffix(".rs").split("/")
    %w[mod lib].include?(names.last) ? names[0..-2] : names
  end

  def file(name)
    paths = name.empty? ? ["lib.rs"] : ["#{name.join("/")}.rs", "#{name.join("/")}/mod.rs"]
    paths.find { |path| File.exist?(File.join(@root, path)) }
  end

  def code_of(text)
    text.gsub(%r{//.*}, "").sub(/^#\[cfg\(test\)\]\s*mod \w+ \{.*/m, "").gsub(/^#\[cfg\(test\)\]\s*mod \w+;/, "")
  end

  # The modules that a module knows.
  def uses(name)
    imported = imports(name)
    code = @code.fetch(name).gsub(/^\s*(?:pub(?:\([^)]*\))? )?use\s[^;]+;/, "")
    paths = imported.reject { |local, path| handed_on?(name, local) || module?(path) }.values
    paths += code.scan(/\b(?:crate|super|self)(?:::\w+)+/).map { |path| absolute(name, path.split("::")) }
    paths += paths_through(name, code, imported)
    paths.filter_map { |path| owner(path) }.uniq
  end

  # `alias::item`, where the alias is a module that was imported, or one below this one.
  def paths_through(name, code, imported)
    modules = imported.select { |_, path| module?(path) }
    children(name).each { |child| modules[child] = [*name, child] }
    modules.flat_map { |local, path| code.scan(/(?<![\w:])#{local}((?:::\w+)+)/).map { |(rest)| path + rest.split("::").drop(1) } }
  end

  def children(name) = @code.keys.filter_map { |other| other.last if other.size == name.size + 1 && other[0..-2] == name }

  def module?(path) = @code.key?(path)

  # What a `pub use` hands on is no use of its own.
  def handed_on?(name, local) = exports(name).key?(local)

  # The module that defines what a path names, followed through what modules hand on; nil for what is outside the crate.
  def owner(path, seen = [])
    return if seen.include?(path)

    depth = path.size.downto(0).find { |size| module?(path.first(size)) }
    place = path.first(depth)
    item = path[depth]
    handed_on = item && exports(place)[item]
    handed_on ? owner(handed_on + path.drop(depth + 1), seen + [path]) : place
  end

  def exports(name) = (@exports ||= {})[name] ||= trees(name, /^\s*pub(?:\([^)]*\))? use\s+([^;]+);/)

  def imports(name) = (@imports ||= {})[name] ||= trees(name, /^\s*(?:pub(?:\([^)]*\))? )?use\s+([^;]+);/)

  # @return [Hash{String => Array<String>}] by the name in this module, the path within the crate
  def trees(name, pattern)
    @code.fetch(name).scan(pattern).flat_map { |(tree)| leaves(tree.gsub(/\s+/, " ").strip) }.filter_map do |path, local|
      path = absolute(name, path)
      [local, path] if path && local != "*"
    end.to_h
  end

  # The paths of `a::{b, c::d as e}` with their names here.
  def leaves(tree, before = [])
    head, rest = tree.split("{", 2)
    return leaf(before + tree.split("::").map(&:strip)) unless rest

    before += head.split("::").map(&:strip)
    branches(rest.strip.delete_suffix("}")).flat_map { |branch| leaves(branch, before) }
  end

  def leaf(path)
    last, as = path.last.split(" as ").map(&:strip)
    path = last == "self" && path.size > 1 ? path[0..-2] : [*path[0..-2], last]
    [[path, as || path.last]]
  end

  # Splits at the commas that stand in no inner braces.
  def branches(list)
    depth = 0
    list.each_char.slice_after { |char| depth += { "{" => 1, "}" => -1 }.fetch(char, 0); char == "," && depth.zero? } # rubocop:disable Style/Semicolon
        .map { |chars| chars.join.strip.delete_suffix(",").strip }.reject(&:empty?)
  end

  def absolute(name, path)
    first, *rest = path
    case first
    when "crate" then rest
    when "self" then name + rest
    when "super" then rest.first == "super" ? absolute(name[0..-2], rest) : name[0..-2] + rest
    else children(name).include?(first) ? name + path : nil
    end
  end
end
