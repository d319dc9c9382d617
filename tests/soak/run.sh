#!/usr/bin/env bash
# An hour of sessions that come, work and die in every way (tests/integration/test_churn.py); every five minutes nothing may be
# left of them: no descriptor, no backend, no memory.
#
#   tests/soak/run.sh [SECONDS]     PARALLAX_SEED repeats a run, PARALLAX_BIN names another program
set -euo pipefail

root="$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")"
readonly root
case "${1:-}" in
  -h|--help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;;
esac

"$root/deploy/install-packages.sh" build test
if [ -z "${PARALLAX_BIN:-}" ]; then
  (cd "$root" && cmake --preset release >/dev/null && cmake --build --preset release --target parallax >/dev/null)
  export PARALLAX_BIN="$root/build/release/parallax"
fi
export PARALLAX_CHURN_SECONDS="${1:-3600}" PYTHONDONTWRITEBYTECODE=1
cd "$root/tests/integration"
exec /usr/bin/python3 test_churn.py
