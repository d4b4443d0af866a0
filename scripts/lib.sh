# Shell helpers that every script here sources. `ROOT` is the repository.
# QUIET=1 keeps progress lines back until something really has to be done.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
NODE_WANTED=20.19
QUIET=${QUIET:-0}

# npm puts its packages' programs before the system's, and one of them is called nft.
PATH=/usr/local/sbin:/usr/sbin:/sbin:$(printf '%s' "$PATH" | tr : '\n' | grep -v '/node_modules/' | paste -sd : -)

say() { printf '%s\n' "$*" >&2; }

# One line of progress; silent when QUIET and nothing happens.
progress() { [ "$QUIET" = 1 ] || say "  $*"; }

# The one sentence that says why nothing goes on.
die() {
  say "$(basename "$0"): $*"
  exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

need_root() { is_root || die "$1 needs root: run it as root or with sudo."; }

need_tun() {
  [ -c /dev/net/tun ] || die "there is no /dev/net/tun on this machine: load the tun module (modprobe tun) or give the container the device."
  (: <>/dev/net/tun) 2>/dev/null || die "/dev/net/tun cannot be opened: the container or VM must be allowed to use it."
}

need_node() {
  command -v node >/dev/null 2>&1 || die "Node.js $NODE_WANTED or newer is needed and there is no node in PATH."
  local have
  have=$(node --version)
  have=${have#v}
  # sort -V puts the older version first.
  [ "$(printf '%s\n%s\n' "$NODE_WANTED" "$have" | sort -V | head -n 1)" = "$NODE_WANTED" ] ||
    die "Node.js $NODE_WANTED or newer is needed; this is $have ($(command -v node))."
}

# task DESCRIPTION CMD…: runs CMD with its output kept in a file that is shown only when it fails.
task() {
  local what=$1 log rc=0 began=$SECONDS
  shift
  log=$(mktemp)
  say "  $what …"
  "$@" >"$log" 2>&1 || rc=$?
  if [ "$rc" != 0 ]; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    return "$rc"
  fi
  rm -f "$log"
  say "  $what: done ($((SECONDS - began)) s)"
}
