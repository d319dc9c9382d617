#!/usr/bin/env bash
# clang-format leaves every source as it is.   format.sh [ROOT] [--fix]
set -euo pipefail

root="${1:-$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")}"
mode=(--dry-run -Werror)
if [ "${2:-}" = --fix ]; then mode=(-i); fi
cd "$root"
{ git ls-files -co --exclude-standard -- '*.cc' '*.h' 2>/dev/null || find . -name '*.cc' -o -name '*.h'; } | sort -u \
  | while read -r file; do if [ -f "$file" ]; then printf '%s\0' "$file"; fi; done | xargs -0 -r -n 20 -P 2 clang-format "${mode[@]}"
