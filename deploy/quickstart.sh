#!/usr/bin/env bash
# From a bare Debian 12 to an opened checkpoint: installs what is missing, builds, and shows.
#
#   deploy/quickstart.sh FILE   prints what FILE holds; exits as `airlock inspect FILE` does
#   deploy/quickstart.sh        opens a sample, then shows a hostile file being refused and what stopped it
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$here/build/bin
say() { printf '\n== %s\n' "$*" >&2; }

build() {
  say "1/3 packages: installing what is missing"
  "$here/deploy/dependencies.sh"
  say "2/3 build: release, into $here/build (a few minutes the first time)"
  local log=$here/build/quickstart.log
  mkdir -p "$here/build"
  if ! (cd "$here" && /usr/bin/cmake --preset release &&
        /usr/bin/cmake --build --preset release --target airlock airlockd airlock-worker airlock-sample) >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "quickstart: the build failed; its whole output is in $log" >&2
    exit 70
  fi
}

# Runs a command, shows it as typed, and leaves its exit code in $code.
show() {
  printf '\n$ airlock %s\n' "$*"
  code=0
  "$bin/airlock" "$@" 2>&1 || code=$?
  echo "[exit $code]"
}

demo() {
  local samples=$here/build/samples
  say "3/3 demo: one harmless checkpoint and one hostile one, made by build/bin/airlock-sample"
  mkdir -p "$samples"
  "$bin/airlock-sample" "$samples"

  say "a harmless checkpoint: its tensors, without running anything of it"
  show inspect "$samples/sample.pt"
  [ "$code" -eq 0 ] || { echo "quickstart: the sample did not open" >&2; exit 70; }

  say "a hostile checkpoint: a pickle loader would run its command"
  show inspect "$samples/hostile.pt"
  show load "$samples/hostile.pt"
  [ "$code" -eq 1 ] || { echo "quickstart: the hostile file was not refused (exit $code, not 1)" >&2; exit 70; }
  echo "Refused by the rule above: what the pickle names as a call is decoded, and never called."

  say "behind that rule, the walls: each one tried by a real worker on this machine"
  show doctor
  [ "$code" -eq 0 ] || { echo "quickstart: doctor found a wall missing, see above" >&2; exit "$code"; }
  say "done. Next: build/bin/airlock inspect YOUR_FILE"
}

case "${1-}" in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
[ "$#" -le 1 ] || { echo "usage: deploy/quickstart.sh [FILE]" >&2; exit 64; }
build
if [ "$#" -eq 1 ]; then
  say "3/3 airlock inspect $1"
  exec "$bin/airlock" inspect -- "$1"
fi
demo
