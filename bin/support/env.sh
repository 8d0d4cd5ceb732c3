# What every script in bin/ needs: the repository as working folder, rustup's cargo on the PATH, and UTF-8.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
case ":$PATH:" in
  *":$HOME/.cargo/bin:"*) ;;
  *) [ ! -d "$HOME/.cargo/bin" ] || export PATH="$HOME/.cargo/bin:$PATH" ;;
esac
export LC_ALL="${LC_ALL:-C.UTF-8}" LANG="${LANG:-C.UTF-8}"
