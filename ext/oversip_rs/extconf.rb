# frozen_string_literal: true

# Writes a Makefile that lets cargo build the extension. RubyGems runs it at `gem install`; a checkout uses `rake compile`.

require "rbconfig"

MINIMUM_RUST = "1.88"

HELP = <<~TEXT.freeze
  oversip-rs is built from source. It needs:
    - Rust #{MINIMUM_RUST} or later: https://rustup.rs
    - a C compiler, make, and libclang
    - the headers of Ruby
  On Debian and Ubuntu, beside Rust: apt-get install build-essential ruby-dev libclang-dev
TEXT

def give_up(reason)
  warn "#{reason}\n\n#{HELP}"
  exit 1
end

def cargo_version
  `cargo --version`[/\Acargo (\d+\.\d+)/, 1]
rescue Errno::ENOENT
  nil
end

def compiler?
  system("#{RbConfig::CONFIG.fetch("CC").split.first} --version", out: File::NULL, err: File::NULL)
end

version = cargo_version or give_up("cargo was not found.")
give_up("cargo #{version} is too old.") if Gem::Version.new(version) < Gem::Version.new(MINIMUM_RUST)
give_up("No C compiler was found.") unless compiler?

darwin = RbConfig::CONFIG.fetch("host_os").match?(/darwin/)

# sitearchdir is a variable of make because RubyGems overrides it there. lib/oversip/native.rb looks for the extension in the
# folder of its Ruby.
File.write("Makefile", <<~MAKEFILE)
  SHELL = /bin/sh
  DESTDIR =
  sitearchdir = #{RbConfig::CONFIG.fetch("sitearchdir")}
  TARGET_DIR = #{File.join(Dir.pwd, "target")}
  MANIFEST = #{File.join(__dir__, "Cargo.toml")}
  LIBRARY = $(TARGET_DIR)/release/liboversip_rs.#{darwin ? "dylib" : "so"}
  FOLDER = $(DESTDIR)$(sitearchdir)/oversip_rs/#{RbConfig::CONFIG.fetch("ruby_version")}
  INSTALLED = $(FOLDER)/oversip_rs.#{RbConfig::CONFIG.fetch("DLEXT")}

  all:
  \tcargo build --release --locked --lib --manifest-path "$(MANIFEST)" --target-dir "$(TARGET_DIR)"

  install: all
  \tmkdir -p "$(FOLDER)"
  \trm -f "$(INSTALLED)"
  \tcp "$(LIBRARY)" "$(INSTALLED)"
  \trm -rf "$(TARGET_DIR)"

  clean:
  \trm -rf "$(TARGET_DIR)"

  .PHONY: all install clean
MAKEFILE
