#!/usr/bin/env bash
# Builds the gem, installs it into an empty GEM_HOME and completes an OPTIONS with it from outside of the repository. Then the
# commands of docs/testing.md print what stands there, in an empty folder.
set -euo pipefail
source "$(dirname "$0")/env.sh"

root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gem build --quiet oversip-rs.gemspec --output "$work/oversip-rs.gem"
cp "$root/bin/support/gem_check.rb" "$work/check.rb"

others=$(ruby -e 'print Gem.path.join(":")') # RSpec is in one of them
export GEM_HOME="$work/gems" GEM_PATH="$work/gems"
unset RUBYLIB RUBYOPT
cd "$work"
echo "gem install (builds the extension from the gem's own sources)"
gem install --local --no-document --quiet oversip-rs.gem
echo "installed: $(du -sh "$GEM_HOME" | cut -f 1)"
ruby check.rb "$root"
"$GEM_HOME/bin/oversip" --version
GEM_PATH="$work/gems:$others" ruby "$root/spec/support/console_block.rb" --compare "$root/docs/testing.md" "$GEM_HOME/bin/oversip"
