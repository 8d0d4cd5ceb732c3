# Bare Debian systems in folders, for script/fresh and bin/support/rubies.sh. Needs root, debootstrap and the network.

# require_debootstrap WHO
require_debootstrap() {
  [ "$(id -u)" -eq 0 ] || { echo "$1 needs root: it uses chroot" >&2; exit 1; }
  command -v debootstrap >/dev/null || { echo "Please run: apt-get install debootstrap" >&2; exit 1; }
}

# The mirror that this machine uses for Debian itself.
debian_mirror() {
  local mirror
  mirror=$(sed -nE 's/^URIs: *(\S*debian)\/?$/\1/p; s/^deb +(\[.*\] +)?(http\S*debian)\/? .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1) || true
  [ -n "$mirror" ] || { echo "Debian's mirror is taken from /etc/apt/sources.list, and there is none" >&2; return 1; }
  echo "$mirror"
}

# make_debian SUITE FOLDER: with the host's settings for fetching, its name resolution and the certificates that it trusts
# beside the usual.
make_debian() {
  local suite=$1 folder=$2 mirror
  mirror=$(debian_mirror)
  echo "=== debootstrap $suite from $mirror"
  debootstrap --variant=minbase "$suite" "$folder" "$mirror" >"$folder.log" 2>&1 || { tail "$folder.log" >&2; return 1; }
  rm -f "$folder.log"

  { grep -lE '^Acquire::' /etc/apt/apt.conf.d/* 2>/dev/null || true; } | while read -r file; do cp "$file" "$folder$file"; done
  cp -L /etc/resolv.conf /etc/hosts "$folder/etc/"
  mkdir -p "$folder/usr/local/share/ca-certificates"
  find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$folder/usr/local/share/ca-certificates/" \;

  # Packages with services must not start them in here.
  printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
  chmod +x "$folder/usr/sbin/policy-rc.d"
}

# copy_repository FOLDER: what git knows of, as it is in the working tree. What was built there from an earlier copy stays.
copy_repository() {
  local folder=$1
  mkdir -p "$folder"
  [ ! -f "$folder/.copied" ] || (cd "$folder" && xargs -0 rm -f <.copied)
  git ls-files -z >"$folder/.copied"
  tar --null --files-from="$folder/.copied" -cf - | tar -xf - -C "$folder"
}

# inside FOLDER DIRECTORY COMMAND...: runs it in that directory of the folder with nothing bound in but the Rust toolchain.
# Mounts and processes are the command's own: whatever happens, they end with it.
inside() {
  local folder=$1 home=${CARGO_HOME_PARENT:-$HOME}
  mkdir -p "$folder/root/.cargo/bin" "$folder/root/.rustup"
  # shellcheck disable=SC2016
  unshare --mount --propagation private --pid --fork --kill-child bash -euc '
    folder=$1 home=$2
    mount -t proc proc "$folder/proc"
    mount --rbind /dev "$folder/dev"
    mount --bind -o ro "$home/.cargo/bin" "$folder/root/.cargo/bin"
    mount --bind -o ro "$home/.rustup" "$folder/root/.rustup"
    shift 2
    # This shell stays, as the one who waits for orphans.
    chroot "$folder" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 ${PROFILE:+PROFILE="$PROFILE"} \
      ${RUSTUP_TOOLCHAIN:+RUSTUP_TOOLCHAIN="$RUSTUP_TOOLCHAIN"} \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/bash -c "cd \"\$1\" && shift && exec \"\$@\"" bash "$@"
  ' bash "$folder" "$home" "${@:2}"
}
