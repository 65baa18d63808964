#!/usr/bin/env bash
# Airlock beside torch, safetensors, a Python subprocess, bubblewrap, and the floor, in one run on this machine. Needs a
# release build (tests/run.sh makes one) and python3-torch; what else is missing leaves its rows out and is named.
#
#   tests/bench/run.sh [--venv] [--only WORKLOAD] [--quick] [--rounds N] [--json FILE] [--plot FILE] [--readme]
#                      [--require-bars] [--require-ratio N]
#
# $AIRLOCK_BENCH_TORCH2: a Python that has torch 2 and safetensors. --venv makes one, in build/bench-venv.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export AIRLOCK_BIN=${AIRLOCK_BIN-$here/build/bin} PYTHONDONTWRITEBYTECODE=1
options=()
make_venv=
for option in "$@"; do
  if [ "$option" = --venv ]; then make_venv=yes; else options+=("$option"); fi
done
if [ -n "$make_venv" ]; then
  venv=$here/build/bench-venv
  if [ ! -x "$venv/bin/python" ]; then
    /usr/bin/python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet torch==2.13.0 numpy safetensors
  fi
  export AIRLOCK_BENCH_TORCH2=$venv/bin/python
fi
if [ ! -x "$AIRLOCK_BIN/airlock-bench-client" ]; then
  echo "tests/bench/run.sh: no $AIRLOCK_BIN/airlock-bench-client: cmake --preset release && cmake --build build" >&2
  exit 69
fi
exec /usr/bin/python3 "$here/tests/bench/bench.py" "${options[@]}"
