# Installs what is missing on Debian and its kin, quietly; elsewhere it says what to install. Sourced by deploy/quickstart
# and tests/run.
#
#   want PACKAGE TEST…   remembers PACKAGE when the command TEST… fails
#   install_wanted       installs what was remembered; does nothing, and asks nothing, when nothing was

wanted=()

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

say() {
  printf '%s\n' "$*" >&2
}

want() {
  local package=$1
  shift
  "$@" >/dev/null || wanted+=("$package")
}

# Postgres 15 or newer, wherever `prefecture dev` looks for it.
have_postgres() {
  local dir major
  if [ -n "${PREFECTURE_PG_BIN:-}" ]; then
    [ -x "$PREFECTURE_PG_BIN/postgres" ] && return
    fail "PREFECTURE_PG_BIN=$PREFECTURE_PG_BIN holds no Postgres: name the folder of its programs, like /usr/lib/postgresql/17/bin, or unset it."
  fi
  for dir in ${PATH//:/ } /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
    /usr/local/opt/postgresql*/bin /Applications/Postgres.app/Contents/Versions/*/bin; do
    [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] || continue
    major=$("$dir/postgres" --version 2>/dev/null | grep -oE '[0-9]+' | head -n 1)
    [ "${major:-0}" -ge 15 ] && return 0
  done
  return 1
}

install_wanted() {
  [ ${#wanted[@]} -gt 0 ] || return 0
  local as_root=() log
  command -v apt-get >/dev/null || fail \
    "Missing: ${wanted[*]} (names of Debian packages), and there is no apt-get here." \
    "Install them with your system's package manager and run this again (macOS: brew install postgresql@17 redis)."
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "Missing: ${wanted[*]}. As root:  apt-get install -y ${wanted[*]}"
    as_root=(sudo)
  fi
  say "installing: ${wanted[*]}"
  log=$(mktemp)
  if ! ${as_root[@]+"${as_root[@]}"} sh -s -- "${wanted[@]}" >"$log" 2>&1 <<'ROOT'; then
# Programs are what we came for, not services: no database cluster of the system is made, and nothing is started.
# Both notes to the package manager are taken away again, and what was there before is left as it was.
set -e
cluster=/etc/postgresql-common/createcluster.d/prefecture.conf
policy=/usr/sbin/policy-rc.d
[ ! -e "$policy" ] || policy=
trap 'rm -f "$cluster" $policy; rmdir /etc/postgresql-common/createcluster.d 2>/dev/null || true' EXIT
mkdir -p "${cluster%/*}"
echo 'create_main_cluster = false' >"$cluster"
if [ -n "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
# A mirror that fails may still have left lists that will do.
apt-get update -qq || true
apt-get install -y -qq --no-install-recommends "$@" </dev/null
ROOT
    tail -n 20 "$log" >&2
    fail "" "Could not install ${wanted[*]}; the whole story is in $log." "By hand:  apt-get install -y ${wanted[*]}"
  fi
  rm -f "$log"
  wanted=()
}

# A Rust toolchain is the one thing that is assumed; rustup's own folder may not be on the PATH of this shell.
need_rust() {
  command -v cargo >/dev/null || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  command -v cargo >/dev/null || fail \
    "No Rust toolchain (cargo) on the PATH." \
    "Install one:  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y" \
    "then open a new shell, or:  . \"\$HOME/.cargo/env\""
  # The toolchain that the repository names comes by itself, or with this command where rustup was told to ask first.
  if ! (cd "$root" && cargo --version) >/dev/null 2>&1 && command -v rustup >/dev/null; then
    say "installing the Rust toolchain that rust-toolchain.toml names"
    if ! (cd "$root" && rustup toolchain install >&2); then
      # Without a way to the internet the one that is there will do, if it is new enough.
      export RUSTUP_TOOLCHAIN=stable
      say "could not install it; trying the toolchain \`stable\`"
    fi
  fi
  local version
  version=$(cd "$root" && cargo --version 2>&1 | head -n 1) || true
  [[ $version =~ ^cargo\ 1\.([0-9]+) && ${BASH_REMATCH[1]} -ge 90 ]] || fail \
    "Rust 1.90 or newer is needed; here is: $version" \
    "With rustup:  rustup toolchain install   (in $root)"
}
