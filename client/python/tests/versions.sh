#!/usr/bin/env bash
# The package's tests with other Pythons, each in a virtual environment of its own. Needs a build and the package index; not part of .ci/run.
#
#   client/python/tests/versions.sh [--no-torch] PYTHON...     such as python3.9 python3.13
#
# Programs come from $AIRLOCK_BIN (default build/bin), the package from $AIRLOCK_PYTHON (default build/python). Last line: `N passed, N failed`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
needed=(grpcio protobuf numpy torch)
if [ "${1-}" = --no-torch ]; then
  needed=(grpcio protobuf numpy)
  shift
fi
[ $# -gt 0 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 64; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1

passed=0
failed=0
for python in "$@"; do
  "$python" -m venv "$work/venv"
  "$work/venv/bin/pip" -q install "${needed[@]}"
  echo "== $("$work/venv/bin/python" -c 'import sys, numpy; print("Python", sys.version.split()[0], "numpy", numpy.__version__)')"
  for test in "$here"/*_test.py; do
    [ "$(basename "$test")" != property_test.py ] || continue  # wants a number of graphs, and an hour
    code=0
    "$work/venv/bin/python" "$test" >"$work/log" 2>&1 || code=$?
    case "$code" in
      0) passed=$((passed + 1)) ;;
      77) echo "skipped: $(basename "$test")" ;;
      *) failed=$((failed + 1)); echo "FAILED: $(basename "$test")"; tail -n 40 "$work/log" ;;
    esac
  done
  rm -rf "$work/venv"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
