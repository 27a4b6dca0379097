#!/usr/bin/env bash
# Sets up, builds, and runs the tests with a private Docker engine and a real Traefik. The last line
# is `N passed, N failed`.
#
#   tests/run.sh [--preset NAME] [--unit] [--lint] [--bench] [FILTER]
#     --preset NAME   release (default), debug, asan or tsan
#     --unit          only the tests that need no engine
#     --lint          also clang-tidy over traefik/, provider/ and orchestrator/
#     --bench         the benchmarks (JSON lines) instead of the tests
#     FILTER          a Catch2 test specification for both programs
#
# With TEST_TRAEFIK_REFERENCE, a folder with file.yaml and docker-labels.yml of Traefik's source, the
# list of its options is compared with them, too.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
preset=release
unit_only=no
lint=no
bench=no
filter=()
while [ $# -gt 0 ]; do
  case $1 in
    --preset) preset=$2; shift ;;
    --unit) unit_only=yes ;;
    --lint) lint=yes ;;
    --bench) bench=yes ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) printf 'unknown option %s (try --help)\n' "$1" >&2; exit 2 ;;
    *) filter+=("$1") ;;
  esac
  shift
done

work=$(mktemp -d)
engine_directory=$work/engine
passed=0
failed=0
failures=()

# shellcheck source=examples/environment.sh
. "$root/examples/environment.sh"

# What the tests found decides how this ends; a folder that cannot be removed is only worth a word.
finish() {
  local status=$?
  stop_engine || true
  rm -rf "$work" || printf 'left behind: %s\n' "$work" >&2
  exit "$status"
}
trap finish EXIT

# One check that is no test program: its name and its command.
check() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  if "$@" 2>&1 | tee "$work/$name.txt"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    failures+=("$work/$name.txt")
  fi
}

# Runs a Catch2 program and counts its test cases. A program that ends without a count has failed.
run_tests() {
  local name=$1 report=$work/$1.xml text=$work/$1.txt counts
  shift
  printf '\n== %s\n' "$name"
  "$@" --reporter console --reporter "console::out=$text" --reporter "xml::out=$report" "${filter[@]}" || true
  counts=$(sed -n 's/.*<OverallResultsCases successes="\([0-9]*\)" failures="\([0-9]*\)".*/\1 \2/p' "$report" | tail -n 1)
  if [ -z "$counts" ]; then
    failed=$((failed + 1))
    failures+=("$text")
    return
  fi
  passed=$((passed + ${counts% *}))
  failed=$((failed + ${counts#* }))
  if [ "${counts#* }" -gt 0 ]; then failures+=("$text"); fi
}

# What failed once more, where it is found: the log lines of all tests stand before.
repeat_failures() {
  local text
  for text in "${failures[@]}"; do
    printf '\n== what failed in %s\n' "$(basename "$text" .txt)"
    cat "$text"
  done
}

check_format() {
  find traefik provider orchestrator tests -name '*.cc' -o -name '*.h' |
    xargs clang-format-19 --dry-run --Werror
}

check_tidy() {
  find traefik provider orchestrator -name '*.cc' |
    xargs -P 2 -n 4 clang-tidy-19 --quiet -p "build/$preset"
}

cmake/setup.sh
printf '\n== build (%s)\n' "$preset"
cmake --preset "$preset" -DORCHESTRATOR_TESTS=ON >"$work/configure.log" 2>&1 || { cat "$work/configure.log"; exit 1; }
cmake --build --preset "$preset" -j2

start_environment() {
  printf '\n== a Docker engine, a swarm and images of its own\n'
  PRIVATE_ENGINE=yes start_engine
  start_swarm
  TRAEFIK=$root/.deps/traefik/traefik
  [ -x "$TRAEFIK" ] || TRAEFIK=$(command -v traefik)
  make_base_image orchestrator-example/base:1
  make_nginx_image orchestrator-example/nginx:1
  make_traefik_image orchestrator-example/traefik:1 "$TRAEFIK"
  TEST_ENGINE=$engine_host
  TEST_ENGINE_DIRECTORY=$engine_directory
  TEST_DOCKER_CLIENT=$docker_client
  TEST_HOST_ADDRESS=$(host_address)
  TEST_ENDPOINT_MODE=$(endpoint_mode)
  export TRAEFIK TEST_ENGINE TEST_ENGINE_DIRECTORY TEST_DOCKER_CLIENT TEST_HOST_ADDRESS TEST_ENDPOINT_MODE
}

if [ $bench = yes ]; then
  # What routes are compared with; only here, since installing it may start it.
  command -v redis-server >/dev/null || apt-get install -y -qq redis-server ||
    { printf 'the benchmarks need redis-server: install it as root\n' >&2; exit 1; }
  start_environment
  "build/$preset/bench" "${filter[@]}"
  exit
fi

check "clang-format" check_format
if [ $lint = yes ]; then check "clang-tidy" check_tidy; fi
run_tests unit_tests "build/$preset/unit_tests"
# The folder with Traefik's own reference documents, file.yaml and docker-labels.yml of its source.
if [ -n "${TEST_TRAEFIK_REFERENCE-}" ] && [ ${#filter[@]} -eq 0 ]; then
  run_tests reference_tests "build/$preset/unit_tests" "[.reference]"
fi
if [ $unit_only = no ]; then
  start_environment
  run_tests integration_tests "build/$preset/integration_tests"
fi

repeat_failures
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
