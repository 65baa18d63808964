#!/usr/bin/env bash
# Builds the wheel, installs it into a fresh virtual environment, and runs the README's example: with no daemon, and no variable of ours.
#
#   client/python/tests/wheel.sh [PYTHON]      PYTHON: the interpreter of the environment (default python3); needs the package index
#
# Torch is the machine's own where PYTHON has it, and comes from the index otherwise. The last line says how long the import takes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(dirname "$here")
python=${1:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -c 'import ensurepip' 2>/dev/null || { echo "SKIPPED: $python has no venv (apt-get install python3-venv)"; exit 77; }

# A copy: setuptools leaves files beside what it builds.
mkdir -p "$work/tree/client"
cp -r "$source_dir" "$work/tree/client/python"
cp -r "$source_dir/../../proto" "$work/tree/proto"
export AIRLOCK_BIN=${AIRLOCK_BIN:-$source_dir/../../build/bin}
"$python" -m venv --system-site-packages "$work/venv"
"$work/venv/bin/pip" -q wheel --no-deps -w "$work/dist" "$work/tree/client/python"
"$work/venv/bin/pip" -q install "$work"/dist/airlock-*.whl
"$work/venv/bin/python" -c 'import torch' 2>/dev/null || "$work/venv/bin/pip" -q install torch
unset AIRLOCK_BIN AIRLOCK_DAEMON AIRLOCK_ADDRESS AIRLOCK_PYTHON PYTHONPATH

mkdir "$work/run"
cd "$work/run"
# shellcheck disable=SC2016  # no expansion is meant
sed -n '/^```python$/,/^```$/p' "$source_dir/README.md" | sed '/^```/d' >example.py
"$work/venv/bin/python" example.py | tee said
[ ! -e THIS-FILE-RAN ]
grep -q 'weights \[.weight., .bias.\]' said
grep -q 'Nothing of it ran' said
grep -q '^DangerousError$' said
grep -q '^the file ran: False$' said
"$work/venv/bin/airlock" inspect good.pt | grep -q torch_zip
"$work/venv/bin/airlock" convert --inert hostile.pt weights.safetensors
"$work/venv/bin/airlock" convert --split good.pt folder
[ -s folder/weights.safetensors ]
grep -q '"epoch": 3' folder/training_state.json
"$work/venv/bin/python" - <<'PYTHON'
import statistics
import subprocess
import sys

code = "import time, torch; t = time.perf_counter(); import airlock; print(time.perf_counter() - t)"
times = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) for _ in range(5)]
print(f"import airlock, beyond torch's own import: {statistics.median(times):.3f} s, median of {len(times)}")
PYTHON
