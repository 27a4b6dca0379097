#!/usr/bin/env bash
# The whole system on this machine, in one command: sets up, builds, and shows sites on a real swarm
# behind a real Traefik, first routed by labels, then by the provider, switched under load.
#
#   examples/quickstart.sh           start and show everything; it stays up to look around
#   examples/quickstart.sh --down    remove what it started; packages, the build and images stay
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/.quickstart
engine_directory=$work/engine
port=${QUICKSTART_PORT:-8088}
traefik_name=orchestrator-quickstart-traefik
network=orchestrator-quickstart
traefik_image=orchestrator-example/traefik:1
export ORCHESTRATOR_CONFIG=$work/orchestrator.yaml
orchestrator=$root/build/release/orchestrator

# shellcheck source=examples/environment.sh
. "$root/examples/environment.sh"

bold() { printf '\n\033[1m%s\033[0m\n' "$*"; }
note() { printf '  %s\n' "$*"; }

down() {
  bold "Removing the quick start"
  local pid name
  for name in load external orchestrator; do
    [ -r "$work/$name.pid" ] || continue
    pid=$(cat "$work/$name.pid")
    kill "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    note "stopped $name"
  done
  if [ -r "$work/engine_host" ]; then
    engine_host=$(cat "$work/engine_host")
    docker_ rm -f "$traefik_name" >/dev/null 2>&1 || true
    for name in site_9001 site_9002; do docker_ service rm "$name" >/dev/null 2>&1 || true; done
    # The swarm lets go of a network a moment after the last task.
    for _ in $(seq 50); do docker_ network rm "$network" >/dev/null 2>&1 && break; sleep 0.2; done
    note "removed the services, Traefik and the network"
    if [ -r "$work/made_swarm" ] && [ ! -d "$engine_directory" ]; then
      docker_ swarm leave --force >/dev/null
      note "left the swarm that it had made"
    fi
  fi
  stop_engine
  rm -rf "$work"
  note "done"
}

case ${1-} in
  "") ;;
  --down) down; exit 0 ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) printf 'unknown option %s (try --help)\n' "$1" >&2; exit 2 ;;
esac

# Milliseconds since 1970.
now() { date +%s%3N; }

# The body that a host answers with through Traefik; fails unless the status is 200.
ask() { curl -fsS --max-time 5 -H "Host: $1" "http://127.0.0.1:$port/" 2>/dev/null; }

# Waits until a host answers through Traefik, two minutes at most.
wait_for() {
  local end=$(($(now) + 120000))
  until ask "$1" >/dev/null; do
    [ "$(now)" -lt $end ] || { note "$1 does not answer; see $work/orchestrator.log"; exit 1; }
    sleep 0.02
  done
}

# Milliseconds from the order of a new external-like route to its first answer, in the current mode.
time_route() {
  local file=$1 host=$2 begin
  begin=$(now)
  "$orchestrator" site apply -f "$file" >/dev/null
  wait_for "$host"
  echo $(($(now) - begin))
}

[ -d "$work" ] && { note "cleaning up an earlier run"; down; }
mkdir -p "$work/sites"
chmod 700 "$work"

bold "1. Set-up and build"
"$root/cmake/setup.sh"
(cd "$root" && cmake --preset release -DORCHESTRATOR_TESTS=OFF >"$work/configure.log" 2>&1 &&
  cmake --build --preset release -j2 --target orchestrator) >"$work/build.log" 2>&1 ||
  { tail -n 20 "$work/configure.log" "$work/build.log"; exit 1; }
note "built $("$orchestrator" --version)"

bold "2. Docker engine, swarm, images"
start_engine
echo "$engine_host" >"$work/engine_host"
if [ -d "$engine_directory" ]; then note "started an engine of its own"; else note "using the engine at $engine_host"; fi
[ "$(docker_ info --format '{{.Swarm.LocalNodeState}}')" = active ] || touch "$work/made_swarm"
start_swarm
make_base_image orchestrator-example/base:1
make_nginx_image orchestrator-example/nginx:1
make_traefik_image "$traefik_image" "$root/.deps/traefik/traefik"
note "images for the sites and for Traefik are there"

bold "3. The orchestrator and a Traefik"
token=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
address=$(host_address)
cat >"$ORCHESTRATOR_CONFIG" <<CONFIG
state_directory: $work/state
provider: {listen: "$address:19081", tokens: [$token]}
api: {listen: "127.0.0.1:19080"}
docker: {host: "$engine_host", network: $network, endpoint_mode: $(endpoint_mode)}
routing: {default_mode: labels}
traefik:
  swarm_refresh_seconds: 2
  instances: [{name: quickstart, entry_point: "http://127.0.0.1:$port"}]
sites: {directory: $work/sites, dynamic_image: "orchestrator-example/base:1", static_image: "orchestrator-example/nginx:1"}
CONFIG
chmod 600 "$ORCHESTRATOR_CONFIG"
"$orchestrator" config check "$ORCHESTRATOR_CONFIG" >/dev/null
setsid "$orchestrator" serve >"$work/orchestrator.log" 2>&1 </dev/null &
echo $! >"$work/orchestrator.pid"
for _ in $(seq 100); do
  docker_ network inspect "$network" >/dev/null 2>&1 && break
  kill -0 "$(cat "$work/orchestrator.pid")" 2>/dev/null || { cat "$work/orchestrator.log"; exit 1; }
  sleep 0.1
done
"$orchestrator" static-config --instance quickstart >"$work/traefik.yaml"
start_traefik "$traefik_name" "$network" "$work/traefik.yaml" "$port"
note "Traefik on http://127.0.0.1:$port, the API on http://127.0.0.1:19080"

bold "4. Three sites, routed by labels on their services"
mkdir -p "$work/sites/90/01/public" "$work/external"
echo "Hello from the static site (nginx)" >"$work/sites/90/01/public/index.html"
echo "Hello from outside of the swarm" >"$work/external/index.html"
setsid busybox httpd -f -p "$address:18000" -h "$work/external" >/dev/null 2>&1 </dev/null &
echo $! >"$work/external.pid"
cat >"$work/static.yaml" <<SITE
{id: 9001, kind: static, hosts: [static.localhost]}
SITE
cat >"$work/dynamic.yaml" <<'SITE'
id: 9002
kind: dynamic
hosts: [dynamic.localhost]
run: |
  #!/bin/sh
  mkdir -p /tmp/www
  echo "Hello from the dynamic site (run.sh)" > /tmp/www/index.html
  exec httpd -f -p "$PORT" -h /tmp/www
SITE
cat >"$work/external.yaml" <<SITE
{id: 9003, kind: external, hosts: [external.localhost], upstreams: ["http://$address:18000"]}
SITE
for site in static dynamic external; do "$orchestrator" site apply -f "$work/$site.yaml" | sed 's/^/  /'; done
for host in static.localhost dynamic.localhost external.localhost; do
  wait_for "$host"
  note "$host → $(ask "$host")"
done

# A second host of the running static site: the time of routing alone, without starting a task.
route_site() { printf '{id: 9001, kind: static, hosts: [static.localhost, %s]}\n' "$1" >"$work/route.yaml"; }
route_site by-labels.localhost
by_labels=$(time_route "$work/route.yaml" by-labels.localhost)

bold "5. Everything to the provider and back, under load"
cat >"$work/load.sh" <<'LOAD'
sent=0 failed=0
trap 'echo "$sent $failed" >"$1/load.result"; exit 0' TERM
while :; do
  for host in static dynamic external; do
    sent=$((sent + 1))
    curl -fsS -o /dev/null --max-time 5 -H "Host: $host.localhost" "http://127.0.0.1:$2/" 2>>"$1/load.log" || failed=$((failed + 1))
  done
done
LOAD
bash "$work/load.sh" "$work" "$port" &
echo $! >"$work/load.pid"
"$orchestrator" routing mode provider 2>/dev/null | sed 's/^/  /'
route_site by-provider.localhost
by_provider=$(time_route "$work/route.yaml" by-provider.localhost)
"$orchestrator" routing mode labels 2>/dev/null | sed 's/^/  /'
"$orchestrator" routing mode provider 2>/dev/null | sed 's/^/  /'
kill "$(cat "$work/load.pid")"
wait "$(cat "$work/load.pid")" 2>/dev/null || true
rm -f "$work/load.pid"
read -r sent failed <"$work/load.result"
note "requests sent meanwhile: $sent, failed: $failed"
note "from change to route:    $by_labels ms by labels, $by_provider ms by the provider"
note "(Traefik reads labels every 2 s here, every 15 s by default; the external site has no labels)"

bold "6. Look around"
cat <<TEXT
  export ORCHESTRATOR_CONFIG=$work/orchestrator.yaml
  $orchestrator routing status
  $orchestrator site status 9002
  $orchestrator routing document
  curl -H 'Host: dynamic.localhost' http://127.0.0.1:$port/
  $engine_host is the engine: docker -H $engine_host service ls
  examples/quickstart.sh --down removes what was started
TEXT
[ "$failed" -eq 0 ] || { printf '\n%s requests failed: %s\n' "$failed" "$(tail -n 3 "$work/load.log")"; exit 1; }
