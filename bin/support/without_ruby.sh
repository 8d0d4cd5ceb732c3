#!/usr/bin/env bash
# Runs a command on a machine without Ruby, as far as it can tell: the PATH is a folder of links to every other program.
set -euo pipefail

programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
IFS=: read -ra folders <<<"$PATH"
for folder in "${folders[@]}"; do
  # The first of a name wins, as on the PATH itself.
  find -L "$folder" -maxdepth 1 -type f ! -name '*ruby*' -print0 2>/dev/null |
    xargs -0 --no-run-if-empty ln -s -t "$programs" 2>/dev/null || true
done
export PATH=$programs
! command -v ruby || { echo "there is still a Ruby" >&2; exit 1; }
"$@"
