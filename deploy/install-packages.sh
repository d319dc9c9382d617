#!/usr/bin/env bash
# Installs the Debian packages of the groups named (see packages.txt). Does nothing, and is fast, when all are there.
#
#   deploy/install-packages.sh GROUP...          install what is missing
#   deploy/install-packages.sh --list GROUP...   print what is missing, install nothing
set -euo pipefail

readonly list_file="$(dirname "$(readlink -f "$0")")/packages.txt"
list_only=no
groups=()
for argument in "$@"; do
  case "$argument" in
    --list) list_only=yes ;;
    -*) echo "usage: $0 [--list] GROUP..." >&2; exit 2 ;;
    *) groups+=("$argument") ;;
  esac
done
if [ "${#groups[@]}" -eq 0 ]; then
  echo "usage: $0 [--list] GROUP...   (groups: build test quickstart runtime)" >&2
  exit 2
fi

# One query for all packages: 0.02 s. Status "ii" is installed and configured.
installed="$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii *//p')"

# Of a line `package group... [command=NAME]`: is it wanted, and is it there? `command=` is for programs that often come
# from elsewhere (another repository's nodejs brings npm along).
missing=()
while read -r package rest; do
  case "$package" in ''|'#'*) continue ;; esac
  wanted=no
  command_name=
  for word in $rest; do
    case "$word" in
      command=*) command_name="${word#command=}" ;;
      *) for group in "${groups[@]}"; do if [ "$word" = "$group" ]; then wanted=yes; fi; done ;;
    esac
  done
  if [ "$wanted" = no ]; then continue; fi
  if grep -qxF "$package" <<<"$installed"; then continue; fi
  if [ -n "$command_name" ] && command -v "$command_name" >/dev/null 2>&1; then continue; fi
  missing+=("$package")
done < "$list_file"

if [ "${#missing[@]}" -eq 0 ]; then exit 0; fi
if [ "$list_only" = yes ]; then printf '%s\n' "${missing[@]}"; exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "missing packages, and neither root nor sudo to install them: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
run_quietly() {
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "failed: $*" >&2
    exit 1
  fi
}
echo "installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
run_quietly apt-get -o DPkg::Lock::Timeout=300 update
run_quietly apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "${missing[@]}"
