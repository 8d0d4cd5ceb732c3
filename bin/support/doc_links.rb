# frozen_string_literal: true

# Makes the links among the guides work in the folder that YARD wrote: the guides link to each other as files of the
# repository (`tls.md`) and to headings as GitHub names them (`#the-command`). Fails when a link leads nowhere.
#
#   ruby bin/support/doc_links.rb doc

# The pages that YARD has made of Markdown files.
class GuidePages
  def initialize(folder)
    @pages = Dir[File.join(folder, "{file.*,index}.html")].to_h { |path| [path, File.read(path)] }
    @names = @pages.keys.to_h { |path| [File.basename(path), path] }
  end

  # @return [Array<String>] links that lead nowhere, each with its page
  def mend
    broken = []
    @pages.each do |path, html|
      mended = html.gsub(/(<a href=")([^":]*)"/) do |link|
        target = target_of(path, Regexp.last_match(2))
        broken << "#{File.basename(path)}: #{Regexp.last_match(2)}" unless target
        target ? "#{Regexp.last_match(1)}#{target}\"" : link
      end
      File.write(path, mended)
    end
    broken
  end

  private

  # @return [String, nil] nil when there is no such page or heading
  def target_of(path, link)
    file, heading = link.split("#", 2)
    page = file.to_s.empty? ? File.basename(path) : page_of(file)
    return link unless page # a class, not a guide

    return unless @names.key?(page)
    return page unless heading

    id = id_of(@pages.fetch(@names.fetch(page)), heading)
    id && "#{page}##{id}"
  end

  # RDoc and other converters leave `docs/tls.md` in forms of their own.
  def page_of(file)
    "file.#{File.basename(Regexp.last_match(1))}.html" if file =~ %r{\A([\w/]+)(?:_md\.html|\.md)\z}
  end

  def id_of(html, heading)
    ids = html.scan(/\sid="([^"]+)"/).flatten
    ids.find { |id| id == heading } || ids.find { |id| letters(id) == letters(heading) }
  end

  # What the ways to name a heading have in common (`the-command`, `The_command`, `label-The+command`).
  def letters(id)
    id.delete_prefix("label-").downcase.gsub(/[^a-z0-9]/, "")
  end
end

broken = GuidePages.new(ARGV.fetch(0)).mend
abort "links that lead nowhere:\n#{broken.join("\n")}" unless broken.empty?
