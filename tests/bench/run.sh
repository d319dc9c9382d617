#!/usr/bin/env bash
# CPU per transaction and latency of Parallax against a bare relay and the direct connection: pgbench -S, prepared.
#
#   tests/bench/run.sh [--seconds N] [--rounds N] [--clients N] [--scale N] [--rate N] [--only-compared | --governor [--heavy-rate N]] [--tls] [--json FILE]
set -euo pipefail

root="$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")"
readonly root
"$root/deploy/install-packages.sh" build test
cd "$root"
cmake --preset release >/dev/null
cmake --build --preset release --target parallax bench_relay | sed -n '/\(error\|FAILED\)/p'
exec /usr/bin/python3 tests/bench/run.py --parallax build/release/parallax --relay build/release/tests/bench/bench_relay "$@"
