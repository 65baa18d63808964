#!/usr/bin/env bash
# From a bare Debian 12 to an opened checkpoint: installs what is missing, builds, and shows.
#
#   deploy/quickstart.sh FILE   prints what FILE holds; exits as `airlock inspect FILE` does
#   deploy/quickstart.sh        loads a sample, then shows a hostile file being refused and what stopped it
set -euo pipefail

# Debian's tools, whatever else of the same name comes first in the caller's PATH.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=build/bin
log=build/quickstart.log
say() { printf '\n== %s\n' "$*" >&2; }

# Shows the build's last line in place; nothing where nobody watches.
progress() {
  [ -t 2 ] || { cat >/dev/null; return; }
  local line
  while IFS= read -r line; do printf '\r\033[K  %.90s' "$line" >&2; done
  printf '\r\033[K' >&2
}

# A build folder of this very tree stays as it is: configuring its tests away would delete them.
configure() {
  if [ -e build/build.ninja ] && grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$here" build/CMakeCache.txt; then return; fi
  cmake --preset release --fresh -DAIRLOCK_BUILD_TESTS=OFF
}

compile() { configure && cmake --build build --target airlock airlockd airlock-worker airlock-sample; }

build() {
  say "1/3 packages: installing what is missing"
  deploy/dependencies.sh
  say "2/3 build: release, into $here/build (5 to 10 minutes on two cores the first time)"
  mkdir -p build
  if ! compile 2>&1 | tee "$log" | progress; then
    tail -n 40 "$log" >&2
    echo "quickstart: the build failed; its whole output is in $here/$log" >&2
    exit 70
  fi
  echo "built: $here/$bin/airlock, airlockd, airlock-worker" >&2
}

# Runs a command, shows it as typed, and leaves its exit code in $code.
show() {
  printf '\n$ %s\n' "$*"
  code=0
  "$@" 2>&1 || code=$?
  echo "[exit $code]"
}

# expect CODE COMPLAINT: the demo ends here if the last command exited otherwise.
expect() {
  [ "$code" -eq "$1" ] || { echo "quickstart: $2 (exit $code, not $1)" >&2; exit 70; }
}

demo() {
  local samples=build/samples
  say "3/3 demo, in $here: one harmless checkpoint and one hostile one, both made by build/bin/airlock-sample"
  mkdir -p "$samples"
  "$bin/airlock-sample" "$samples"

  say "a harmless checkpoint: every tensor is loaded, with its sha256; nothing of the file runs"
  show "$bin/airlock" load --digests "$samples/sample.pt"
  expect 0 "the sample did not load"

  say "a hostile checkpoint: a pickle loader would run its command"
  show "$bin/airlock" load "$samples/hostile.pt"
  expect 1 "the hostile file was not refused"
  echo "Refused by the rule pickle.dangerous-symbol: the call was decoded as data, and never made."

  say "behind that rule, the walls: should a file take the decoder over. Each forbidden act is tried by a real worker, here"
  show "$bin/airlock" doctor
  [ "$code" -eq 0 ] || { echo "quickstart: doctor found a wall missing, see above" >&2; exit "$code"; }
  say "done. Next: $here/$bin/airlock inspect YOUR_FILE"
}

case "${1-}" in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
[ "$#" -le 1 ] || { echo "usage: deploy/quickstart.sh [FILE]" >&2; exit 64; }
# Before the long build, not after it.
[ "$#" -eq 0 ] || [ -e "$1" ] || { echo "quickstart: $1: no such file" >&2; exit 66; }
cd "$here"
build
if [ "$#" -eq 1 ]; then
  say "3/3 $bin/airlock inspect $1"
  cd "$OLDPWD"
  exec "$here/$bin/airlock" inspect -- "$1"
fi
demo
