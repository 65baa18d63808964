#!/usr/bin/env bash
# Airlock beside torch.load(weights_only=True), in one run on this machine. Needs a release build (tests/run.sh makes one).
#
#   tests/bench/run.sh [--quick]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export AIRLOCK_BIN=${AIRLOCK_BIN-$here/build/bin} PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$here/tests/bench/bench.py" "$@"
