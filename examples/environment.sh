# Shell functions that the quick start and the tests share: a Docker engine with a swarm, the images of
# the sites, a Traefik in a container. To be sourced. Uses $engine_directory for an engine of its own.
#
# Nothing that was there before is changed or stopped.

docker_client=/usr/bin/docker
[ -x $docker_client ] || docker_client=docker

docker_() { "$docker_client" -H "$engine_host" "$@"; }

environment_fail() { printf '%s\n' "$*" >&2; exit 1; }

engine_answers() { docker_ version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Uses the engine at $engine_host if one answers there; starts one in $engine_directory otherwise.
start_engine() {
  engine_host=${DOCKER_HOST:-unix:///var/run/docker.sock}
  if [ "${PRIVATE_ENGINE-}" != yes ] && engine_answers; then return; fi
  engine_host=unix://$engine_directory/docker.sock
  if engine_answers; then return; fi
  [ "$(id -u)" -eq 0 ] || environment_fail "no Docker engine answers, and starting one needs root. \
The client says: $("$docker_client" -H "${DOCKER_HOST:-unix:///var/run/docker.sock}" version \
--format '{{.Server.Version}}' 2>&1 | tail -n 1)"
  if pgrep -x dockerd >/dev/null; then
    environment_fail "another Docker engine runs on this machine, and two cannot share its swarm ports: \
stop it for a while (systemctl stop docker.socket docker)"
  fi
  mkdir -p "$engine_directory"
  setsid dockerd --data-root "$engine_directory/data" --exec-root "$engine_directory/exec" \
    -p "$engine_directory/pid" -H "$engine_host" >"$engine_directory/log" 2>&1 </dev/null &
  local i
  for i in $(seq 150); do
    engine_answers && return
    sleep 0.2
  done
  tail -n 5 "$engine_directory/log" >&2
  environment_fail "the Docker engine did not start; its log is $engine_directory/log"
}

# Stops the engine that start_engine started, if it did.
stop_engine() {
  local pid i
  [ -r "$engine_directory/pid" ] || return 0
  pid=$(cat "$engine_directory/pid")
  kill "$pid" 2>/dev/null || true
  for i in $(seq 150); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  unmount_below "$engine_directory"
  rm -rf "$engine_directory"
}

# An engine that was stopped under load may leave mounts behind (network namespaces, containers' roots);
# the deepest go first.
unmount_below() {
  local mount
  awk -v root="$1/" 'index($5, root) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
    while read -r mount; do umount "$mount" 2>/dev/null || umount -l "$mount" || true; done
}

# Makes the engine a swarm of one when it is in none. Prints nothing.
start_swarm() {
  local state
  state=$(docker_ info --format '{{.Swarm.LocalNodeState}}')
  [ "$state" = active ] && return
  docker_ swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:2377 >/dev/null ||
    environment_fail "could not make a swarm of this engine"
}

# A name or file and the libraries it needs, copied into the folder $2 at the same places.
copy_with_libraries() {
  local file=$1 root=$2 library
  mkdir -p "$root$(dirname "$file")"
  cp -L "$file" "$root$file"
  ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done
}

has_image() { docker_ image inspect "$1" >/dev/null 2>&1; }

# Takes the image $1 from its registry, quietly; fails where there is none to be reached.
pull_image() { timeout 60 "$docker_client" -H "$engine_host" pull -q "$1" >/dev/null 2>&1; }

# The base image of dynamic sites: a small system with a shell and a web server (busybox).
make_base_image() {
  local name=$1 root
  has_image "$name" && return
  root=$(mktemp -d)
  mkdir -p "$root"/{bin,etc,root,site,tmp,run}
  cp "$(command -v busybox || echo /bin/busybox)" "$root/bin/busybox"
  local applet
  for applet in $("$root/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\n' >"$root/etc/group"
  tar -C "$root" -c . | docker_ import -c 'ENV PATH=/bin' - "$name" >/dev/null
  rm -rf "$root"
}

# nginx for static sites: its official image, or one made from this machine's nginx.
make_nginx_image() {
  local name=$1 root
  has_image "$name" && return
  pull_image nginx:latest && docker_ tag nginx:latest "$name" && return
  root=$(mktemp -d)
  mkdir -p "$root"/{etc/nginx,usr/share/nginx/html,var/log/nginx,var/lib/nginx,tmp,run,root}
  copy_with_libraries /usr/sbin/nginx "$root"
  # Name lookups of user names need these, which ldd does not show.
  cp -L /lib/*-linux-gnu/libnss_files.so.2 "$root/lib/" 2>/dev/null || true
  cp -r /etc/nginx/mime.types "$root/etc/nginx/"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  cat >"$root/etc/nginx/nginx.conf" <<'CONF'
daemon off;
user root;
worker_processes 1;
error_log stderr warn;
pid /run/nginx.pid;
events {}
http {
  include mime.types;
  access_log off;
  server { listen 80; root /usr/share/nginx/html; }
}
CONF
  tar -C "$root" -c . | docker_ import -c 'CMD ["/usr/sbin/nginx"]' - "$name" >/dev/null
  rm -rf "$root"
}

# Traefik: its official image, or one made from the binary $2.
make_traefik_image() {
  local name=$1 binary=$2 root
  has_image "$name" && return
  pull_image traefik:v3.7 && docker_ tag traefik:v3.7 "$name" && return
  [ -x "$binary" ] || binary=$(command -v traefik) || environment_fail "there is no Traefik binary"
  root=$(mktemp -d)
  mkdir -p "$root"/{tmp,etc/ssl/certs}
  cp "$binary" "$root/traefik"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null || true
  tar -C "$root" -c . | docker_ import -c 'ENTRYPOINT ["/traefik"]' - "$name" >/dev/null
  rm -rf "$root"
}

# The address under which containers reach this host.
host_address() {
  local address
  address=$(docker_ network inspect bridge --format '{{range .IPAM.Config}}{{.Gateway}}{{end}}')
  [ -n "$address" ] || address=$(ip -4 -o addr show docker0 | sed -n 's|.* inet \([0-9.]*\)/.*|\1|p')
  [ -n "$address" ] || environment_fail "this engine has no bridge by which containers reach the host"
  printf '%s\n' "$address"
}

# Whether this kernel can balance over virtual IPs (IPVS), which endpoint mode vip needs.
endpoint_mode() {
  if grep -qs '^ip_vs ' /proc/modules || modprobe -q ip_vs 2>/dev/null || [ -e /proc/net/ip_vs ]; then
    echo vip
  else
    echo dnsrr
  fi
}

# Runs Traefik as container $1 on network $2 with the static configuration in file $3, its entry point
# on port $4 of loopback.
start_traefik() {
  local name=$1 network=$2 file=$3 port=$4 socket=${engine_host#unix://}
  docker_ rm -f "$name" >/dev/null 2>&1 || true
  docker_ run -d --name "$name" --network "$network" -p "127.0.0.1:$port:80" \
    -v "$file:/traefik.yaml:ro" -v "$socket:/var/run/docker.sock" "$traefik_image" \
    --configFile=/traefik.yaml >/dev/null || environment_fail "Traefik did not start"
}
