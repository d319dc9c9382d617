#!/usr/bin/env bash
# PostgreSQL's own test suites, direct and through Parallax: see README.md. Installs what is missing and builds the programs
# (with PARALLAX_BIN it takes that Parallax).
#
#   tests/suites/run.sh [SUITE...] [options]; --help lists them
set -euo pipefail

root="$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")"
readonly root
"$root/deploy/install-packages.sh" build test
cd "$root"
if [ -z "${PARALLAX_BIN:-}" ]; then
  cmake --preset release >/dev/null
  cmake --build --preset release --target parallax hostile_relay | sed -n '/\(error\|FAILED\)/p'
fi
exec /usr/bin/python3 tests/suites/run.py "$@"
