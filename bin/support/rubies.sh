#!/usr/bin/env bash
# Runs the specs on newer Rubies than the machine's: in a folder with Debian sid, which has Ruby 3.3, and with Ruby 3.4 from
# experimental there; with that one also once with M:N threads (RUBY_MN_THREADS=1). Needs root, debootstrap and the network.
#
#   bin/test --rubies [ARGUMENT OF RSPEC...]
#
# The folder is kept for the next time and takes 4 GB: $OVERSIP_RUBIES, or ~/.cache/oversip-rs/rubies. Delete it to begin anew
# with today's packages. PROFILE (quick or release) says how the extension is built.
set -euo pipefail
source "$(dirname "$0")/env.sh"
source bin/support/debian.sh
require_debootstrap "bin/test --rubies"

export PROFILE=${PROFILE:-quick}
folder=${OVERSIP_RUBIES:-${XDG_CACHE_HOME:-$HOME/.cache}/oversip-rs/rubies}

make_folder() {
  local mirror
  mirror=$(debian_mirror)
  rm -rf --one-file-system "$folder"
  mkdir -p "$(dirname "$folder")"
  make_debian sid "$folder"
  printf 'deb %s %s main\n' "$mirror" sid "$mirror" experimental >"$folder/etc/apt/sources.list"
  inside "$folder" / sh -c 'apt-get update -qq && apt-get install -qq -y --no-install-recommends iproute2 >/dev/null &&
    apt-get install -qq -y --no-install-recommends -t experimental ruby3.4 ruby3.4-dev >/dev/null'
  touch "$folder/.complete"
}

# with_ruby RUBY: fills `program` with what goes before a program of Ruby, so that `ruby` means that one in all that it starts
with_ruby() {
  local path=/root/bin/$1:/root/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  # RUBY is what the extension's bindings are made for; a change of it makes them anew.
  program=(env "PATH=$path" "RUBY=/usr/bin/ruby$1" ruby -S)
}

# prepare RUBY: a copy of the repository with an extension built for it
prepare() {
  local place=/root/$1
  echo "=== Ruby $1: the extension"
  copy_repository "$folder$place"
  mkdir -p "$folder/root/bin/$1"
  ln -sf "/usr/bin/ruby$1" "$folder/root/bin/$1/ruby"
  # Crates that know nothing of Ruby are built once.
  [ -d "$folder$place/target" ] || [ ! -d "$folder/root/3.3/target" ] || cp -a "$folder/root/3.3/target" "$folder$place/target"
  with_ruby "$1"
  inside "$folder" "$place" "${program[@]}" rake compile
  # The specs have no network: what they look at comes before them.
  inside "$folder" "$place" "${program[@]:0:2}" cargo fetch --locked --quiet
  inside "$folder" "$place" sh -c 'cd spec/browser && { cmp -s package-lock.json node_modules/.installed ||
    { npm ci --silent --no-audit --no-fund --ignore-scripts && cp package-lock.json node_modules/.installed; }; }'
}

summary=""
status=0

# specs RUBY SETTING... -- ARGUMENT OF RSPEC...
specs() {
  local ruby=$1 settings="" output label began=$SECONDS
  shift
  while [ "$1" != -- ]; do settings="$settings $1" && shift; done
  shift
  label="Ruby $ruby$settings"
  with_ruby "$ruby"
  echo "=== $label: rspec"
  output=$(mktemp)
  # A network of its own, so that nothing else on this machine has the ports; with addresses, as every machine has some.
  # shellcheck disable=SC2086
  inside "$folder" "/root/$ruby" unshare --net sh -ec 'ip link set lo up
    ip link add near type veth peer name far
    ip addr add 192.0.2.2/24 dev near
    ip addr add 2001:db8::2/64 dev near nodad
    ip link set near up
    ip link set far up
    ip route add default via 192.0.2.1
    exec "$@"' sh \
    env $settings "${program[@]}" rspec "$@" 2>&1 | tee "$output" || status=1
  summary="$summary$label: $(grep -E '^[0-9]+ examples?, ' "$output" | tail -n 1 || true), $((SECONDS - began)) s"$'\n'
  rm -f "$output"
}

[ -e "$folder/.complete" ] || make_folder
copy_repository "$folder/root/3.3"
inside "$folder" /root/3.3 bin/setup
prepare 3.3
prepare 3.4
specs 3.3 -- "$@"
specs 3.4 -- "$@"
specs 3.4 RUBY_MN_THREADS=1 -- "$@"

printf '\n%s' "$summary"
exit "$status"
