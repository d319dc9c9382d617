#!/usr/bin/env bash
# Parallax on this machine, from nothing: installs what is missing, builds, starts a throwaway PostgreSQL 15 with the
# scenario's data, puts Parallax in front of it, runs traffic of several clients and shows what was found.
#
#   ./deploy/quickstart.sh [--once] [--dev]      leaves it running until Ctrl-C; --once: stops at the end, exit status 0
#                                                only when every outcome was the expected one
#   ./deploy/quickstart.sh --upstream URL        in front of a real database: loads nothing into it, no rules, lists the
#                                                statements that pass
#   --dev        differences and statements without a rule in the terminal, with their values
#   PARALLAX_LISTEN   where to listen with --upstream (default 127.0.0.1:6432)
set -euo pipefail

readonly here="$(dirname "$(readlink -f "$0")")"
readonly root="$(dirname "$here")"
readonly postgres_bin=/usr/lib/postgresql/15/bin

once=no
dev=no
upstream=
while [ "$#" -gt 0 ]; do
  case "$1" in
    --once) once=yes ;;
    --dev) dev=yes ;;
    --upstream) upstream="${2:?--upstream needs a URL}"; shift ;;
    -h|--help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;;
    *) echo "unknown argument: $1 (see --help)" >&2; exit 2 ;;
  esac
  shift
done

work=
parallax_pid=
postgres_started=no

say() { printf '\n== %s\n' "$*"; }

# PostgreSQL refuses root: as root its programs run as the user `postgres`.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

stop_everything() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "$parallax_pid" ] && kill -0 "$parallax_pid" 2>/dev/null; then
    kill -TERM "$parallax_pid" 2>/dev/null || true
    wait "$parallax_pid" 2>/dev/null || true
  fi
  if [ "$postgres_started" = yes ]; then
    as_postgres "$postgres_bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1 || true
  fi
  if [ -n "$work" ]; then rm -rf "$work"; fi
  exit "$status"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A file stays quiet unless the command fails.
quietly() {
  local log="$work/$1.log"
  shift
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "failed: $*" >&2
    exit 1
  fi
}

build() {
  say "Building (build/release/parallax; the first time takes some minutes, then it is quick)"
  (cd "$root" && quietly configure cmake --preset release)
  (cd "$root" && cmake --build --preset release --target parallax) | sed -u -n '/\(error\|FAILED\|warning\)/p'
}

# PostgreSQL 15 in $work/data on a free port of 127.0.0.1, role `app` with a SCRAM password, database `pinpoint`.
start_postgres() {
  say "Starting a throwaway PostgreSQL 15"
  local port password superuser_file
  port="$(free_port)"
  password="$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')"
  superuser_file="$work/superuser"
  printf '%s\n' "$password" >"$superuser_file"
  if [ "$(id -u)" -eq 0 ]; then chown -R postgres: "$work"; fi
  quietly initdb as_postgres "$postgres_bin/initdb" -D "$work/data" -U postgres -E UTF8 --locale=C.UTF-8 \
    --auth=scram-sha-256 --pwfile="$superuser_file" --no-sync
  postgres_started=yes
  quietly start as_postgres "$postgres_bin/pg_ctl" -D "$work/data" -l "$work/postgres.log" -w \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=100" start
  local superuser="postgresql://postgres:$password@127.0.0.1:$port"
  psql -qXv ON_ERROR_STOP=1 "$superuser/postgres" -v "password=$password" <<'SQL'
SET password_encryption = 'scram-sha-256';
CREATE ROLE app LOGIN PASSWORD :'password';
CREATE DATABASE pinpoint OWNER app;
SQL
  upstream="postgresql://app:$password@127.0.0.1:$port/pinpoint"
  quietly schema psql -qXv ON_ERROR_STOP=1 "$upstream" -f "$here/scenario/schema.sql"
  quietly seed psql -qXv ON_ERROR_STOP=1 "$upstream" -f "$here/scenario/seed.sql"
}

# The configuration file of this run. A port of 0 takes a free one; the log says which.
write_configuration() {
  local listen="$1" rules="$2"
  {
    echo "listen: $listen"
    echo "upstream: '\${PARALLAX_UPSTREAM}'"
    echo 'mode: shadow'
    echo 'shadow:'
    echo '  pool: {max: 2, idle_timeout: 20s, connect_timeout: 10s}'
    echo '  queue: {max_jobs: 4096, max_bytes: 64MiB}'
    echo 'metrics: {listen: 127.0.0.1:0}'
    echo 'admin: {listen: 127.0.0.1:0}'
    if [ "$rules" = yes ]; then
      echo 'include:'
      echo "  - $here/examples/rules.yaml"
      echo "  - $here/examples/wrong-rules.yaml"
    fi
  } >"$work/parallax.yaml"
}

# The bound addresses stand in the log line of the start.
address_of() { sed -n "s#.*$1\([0-9.:]*\).*#\1#p" "$work/parallax.log" | head -n 1; }

start_parallax() {
  say "Starting Parallax"
  local flags=()
  if [ "$dev" = yes ]; then flags=(--dev); fi
  PARALLAX_UPSTREAM="$upstream" "$root/build/release/parallax" run -c "$work/parallax.yaml" "${flags[@]}" \
    >"$work/parallax.out" 2>"$work/parallax.log" &
  parallax_pid=$!
  for _ in $(seq 100); do
    listen="$(address_of 'listening on ')"
    metrics="$(address_of 'metrics on http://')"
    admin="$(address_of 'admin on http://')"
    if [ -n "$listen" ] && [ -n "$metrics" ] && [ -n "$admin" ] \
      && curl -fsS -o /dev/null "http://$admin/readyz" 2>/dev/null; then return; fi
    if ! kill -0 "$parallax_pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  cat "$work/parallax.log" >&2
  echo 'Parallax did not get ready' >&2
  exit 1
}

run_traffic() {
  local url="$1" mode
  say 'Traffic: psql, pgbench (simple, extended, prepared) with writers, node pg, node postgres, psycopg'
  if [ ! -d "$here/traffic/node_modules/pg" ]; then
    (cd "$here/traffic" && quietly npm npm ci --ignore-scripts --no-audit --no-fund)
  fi
  pgbench -n -f "$here/traffic/write.pgbench.sql" -c 2 -T 8 "$url" >"$work/writers.log" 2>&1 &
  local writers=$!
  quietly psql psql -qXf "$here/traffic/session.sql" "$url"
  echo 'psql: one session'
  for mode in simple extended prepared; do
    quietly pgbench-$mode pgbench -n -M "$mode" -f "$here/traffic/read.pgbench.sql" -c 2 -t 50 "$url"
    echo "pgbench -M $mode: 100 transactions of 2 statements"
  done
  node "$here/traffic/prisma.mjs" "$url" 5
  node "$here/traffic/postgresjs.mjs" "$url" 5
  /usr/bin/python3 "$here/traffic/psycopg_app.py" "$url" 5
  if ! wait "$writers"; then cat "$work/writers.log" >&2; exit 1; fi
  echo "pgbench writing to the same rows meanwhile: $(sed -n 's/^number of transactions actually processed: //p' "$work/writers.log")"
  echo 'and once more, now that nobody writes:'
  node "$here/traffic/prisma.mjs" "$url" 1
}

through_parallax() { sed "s#@[^/]*/#@$listen/#" <<<"$1"; }
without_password() { sed -E 's#(//[^:/@]*):[^@]*@#\1:***@#' <<<"$1"; }

print_addresses() {
  cat <<TEXT

connection string   $1
metrics             http://$metrics/metrics
health              http://$admin/healthz  http://$admin/readyz
configuration       $work/parallax.yaml
log                 $work/parallax.log
TEXT
}

wait_for_end() {
  echo
  echo 'Running. Ctrl-C stops everything.'
  if [ "$dev" = yes ]; then
    tail -n +1 -f "$work/parallax.log" "$work/parallax.out" --pid "$parallax_pid" -q
  fi
  wait "$parallax_pid"
}

say "Packages"
"$here/install-packages.sh" build quickstart
work="$(mktemp -d "${TMPDIR:-/tmp}/parallax-quickstart.XXXXXX")"
chmod 755 "$work"
trap stop_everything EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
build

if [ -n "$upstream" ]; then
  # A real database: nothing is loaded into it and no rule replays anything; --dev lists what passes.
  dev=yes
  write_configuration "${PARALLAX_LISTEN:-127.0.0.1:6432}" no
  start_parallax
  print_addresses "$(without_password "$(through_parallax "$upstream")")"
  cat <<TEXT

Point the application at the connection string above (its own password stays as it is). Each statement that passes is
listed below once, with a rule to start from: put the rules into a file, name it under include: and start
  PARALLAX_UPSTREAM=… build/release/parallax run -c FILE --dev
Parallax reads nothing from this database by itself; replays are read-only and always rolled back.
TEXT
  if [ "$once" = yes ]; then exit 0; fi
  wait_for_end
  exit 0
fi

start_postgres
write_configuration 127.0.0.1:0 yes
start_parallax
url="$(through_parallax "$upstream")"
"$here/report.py" wait-verified "http://$metrics/metrics" 30
run_traffic "$url"
"$here/report.py" wait-idle "http://$metrics/metrics" 60
say 'What was found'
status=0
"$here/report.py" show "http://$metrics/metrics" "$here/traffic/expected.json" || status=$?
if [ "$once" = yes ]; then exit "$status"; fi
print_addresses "$url"
cat <<TEXT

Try:   psql '$url'
       curl -s http://$metrics/metrics | grep parallax_mismatches_total
Rules: deploy/examples/rules.yaml (right), deploy/examples/wrong-rules.yaml (planted). Start with --dev to see the rows.
TEXT
wait_for_end
