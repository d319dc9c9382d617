#!/usr/bin/env bash
# Builds everything and runs the tests; installs what is missing first.
#
#   tests/run.sh            release build: unit, in-memory sessions, integration, end-to-end with the real ORMs, tidy
#   tests/run.sh --asan     AddressSanitizer and UndefinedBehaviorSanitizer: unit, in-memory sessions, part of integration
#   tests/run.sh --tsan     ThreadSanitizer: likewise
#   tests/run.sh --ci       asan without most of integration, then release with less of clang-tidy (what CI runs, within
#                           40 minutes on 2 cores); up to three tests that fail run again, alone
#   tests/run.sh --all      asan, tsan, then release; ten minutes of churn beside them
#   further arguments after -- go to ctest: tests/run.sh -- -R unit_shadow
set -euo pipefail

root="$(dirname "$(dirname "$(readlink -f "$0")")")"
readonly root
presets=()
ci=
while [ "$#" -gt 0 ]; do
  case "$1" in
    --asan) presets+=(asan) ;;
    --tsan) presets+=(tsan) ;;
    --all) presets=(asan tsan release) ;;
    --ci) presets=(asan release); ci=1 ;;
    --) shift; break ;;
    -h|--help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;;
    *) echo "unknown argument: $1 (see --help)" >&2; exit 2 ;;
  esac
  shift
done
if [ "${#presets[@]}" -eq 0 ]; then presets=(release); fi

"$root/deploy/install-packages.sh" build test
cd "$root"
node_packages=(deploy/traffic tests/integration/clients)
if [[ " ${presets[*]} " == *" release "* ]]; then node_packages+=(tests/e2e/app); fi  # the ORMs: 300 MB
for packages in "${node_packages[@]}"; do
  if [ ! -d "$packages/node_modules/pg" ]; then
    (cd "$packages" && npm ci --ignore-scripts --omit=optional --omit=peer --no-audit --no-fund >/dev/null)
  fi
done

# Prisma 7 wants a newer Node.js than Debian 12 has.
if [[ " ${presets[*]} " == *" release "* ]] && [ ! -d tests/e2e/node/node_modules ] &&
   ! node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)'; then
  (cd tests/e2e/node && npm ci --ignore-scripts --no-audit --no-fund >/dev/null)
fi

# A report of a sanitizer is a failure, also where the program would go on.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}:suppressions=$root/tests/tsan.supp"

# What one sanitizer can say something about: memory under faults and strange bytes; threads, where there are any. Tidy looks at
# the source, once.
tsan_targets=(parallax unit_io unit_metrics integration_engine)
tsan_tests='^(unit_io|unit_metrics|integration_(engine|bytes|tls|listeners|fake_server|verdicts|journal|switch|strict|reload))$'
not_for_asan='^integration_(clients|prometheus|config|verdicts|drivers|drivers_tls|auth_matrix|tools|suites|pgbouncer|churn|drift|pressure|side_effects)$'

# In CI: what reads bytes and keeps what others will free.
ci_asan_targets=(parallax unit_protocol unit_io unit_metrics unit_shadow unit_proxy sim_session)
ci_asan_tests='^(unit_|sim_|integration_(bytes|operations|strict)$)'
jobs=3  # most tests wait most of the time, and tidy takes what is left

# Ten minutes of connections that come and die, with the address sanitizer, beside the builds that follow.
churn=
trap 'if [ -n "$churn" ]; then kill "$churn" 2>/dev/null || true; fi' EXIT
start_churn() {
  echo "== asan: ten minutes of churn, beside what follows" >&2
  PARALLAX_BIN="$root/build/asan/parallax" PARALLAX_SANITIZED=1 PARALLAX_CHURN_SECONDS=600 PYTHONDONTWRITEBYTECODE=1 \
    nice /usr/bin/python3 "$root/tests/integration/test_churn.py" >build/asan/churn.log 2>&1 &
  churn=$!
}
end_churn() {
  if [ -z "$churn" ]; then return; fi
  if ! wait "$churn"; then
    tail -n 100 build/asan/churn.log >&2
    echo "the churn failed; all of it is in build/asan/churn.log" >&2
    exit 1
  fi
  tail -n 3 build/asan/churn.log >&2
  churn=
}

# In CI alone, where the machine may be any: what has failed beside two others, if it is little, runs again by itself. Its first
# output stands above. Everywhere else a failure is a failure at once.
again_alone() {
  local failed
  failed="$(wc -l <"build/$1/Testing/Temporary/LastTestsFailed.log")"
  if [ -z "$ci" ] || [ "$2" -ne 8 ] || [ "$failed" -gt 3 ]; then exit "$2"; fi  # 8: ctest ran, and tests failed
  echo "== $1: $failed failed beside others; again, alone" >&2
  ctest --preset "$1" -j 1 --rerun-failed
}

for preset in "${presets[@]}"; do
  echo "== $preset: build" >&2
  cmake --preset "$preset" >/dev/null
  targets=(all)
  if [ "$preset" = tsan ]; then targets=("${tsan_targets[@]}"); fi
  if [ "$preset" = asan ] && [ -n "$ci" ]; then targets=("${ci_asan_targets[@]}"); fi
  if ! cmake --build --preset "$preset" --target "${targets[@]}" >"build/$preset/build.log"; then
    grep -E -A 12 'FAILED|error' "build/$preset/build.log" | head -n 100 >&2
    echo "the $preset build failed; all of it is in build/$preset/build.log" >&2
    exit 1
  fi
  echo "== $preset: test" >&2
  rm -f "build/$preset/Testing/Temporary/LastTestsFailed.log"
  case "$preset" in
    release)
      if [ -n "$churn$ci" ]; then export PARALLAX_CHURN_SECONDS=20; fi  # in --all the ten minutes were run
      end_churn
      left_out=()
      if [ -n "$ci" ]; then export PARALLAX_TIDY_COMMITS="${PARALLAX_TIDY_COMMITS:-20}"; fi  # clang-tidy: what they have changed
      if [ -n "$ci" ]; then left_out=(-E '^tidy_(analyzer|clang_tidy_rest)$'); fi  # twelve minutes
      ctest --preset release -j "$jobs" "${left_out[@]}" "$@" || again_alone "$preset" "$?" ;;
    asan)
      if [ -n "$ci" ]; then
        ctest --preset asan -j "$jobs" -R "$ci_asan_tests" "$@" || again_alone "$preset" "$?"
      else
        ctest --preset asan -j "$jobs" -E "$not_for_asan" "$@"
        if [ "${#presets[@]}" -gt 1 ]; then start_churn; fi
      fi ;;
    tsan) ctest --preset tsan -j "$jobs" -R "$tsan_tests" "$@" ;;
  esac
done
