#!/usr/bin/env bash
# The systems that load checkpoints, unmodified and real, over Airlock: timm, skorch, Lightning, stable-baselines3 and others.
#
#   tests/systems/run.sh             with the current torch and libraries, in a virtual environment (1.5 GB, from the package index)
#   tests/systems/run.sh --old      timm again, with Debian's torch 1.13.1 and torchvision
#   tests/systems/run.sh --python PROGRAM   with an interpreter that has the libraries; installs nothing
#   ... [NAME ...]                   only these: timm skorch others
#
# Programs come from $AIRLOCK_BIN (default build/bin), the package from $AIRLOCK_PYTHON (default build/python); what is installed
# stays in $AIRLOCK_SYSTEMS (default build-systems). Last line: `N passed, N failed`. Not part of .ci/run: it needs the network, and minutes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
place=${AIRLOCK_SYSTEMS:-$root/build-systems}
python=
names=()
old=no
while [ $# -gt 0 ]; do
  case "$1" in
    --old) old=yes ;;
    --python) python=$2; shift ;;
    timm | skorch | others) names+=("$1") ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
  esac
  shift
done

# Current libraries, torch for the CPU where the index has one.
install_current() {
  python=$place/current/bin/python
  [ -e "$place/current/done" ] && return
  python3 -m venv "$place/current"
  "$python" -m pip install -q torch torchvision timm skorch lightning omegaconf stable-baselines3 safetensors grpcio protobuf numpy
  touch "$place/current/done"
}

# Debian's interpreter and torch; timm and what it imports beside them, none of it installed.
install_old() {
  python=/usr/bin/python3
  export PYTHONPATH=$place/old/lib:$place/old/torchvision/usr/lib/python3/dist-packages
  [ -e "$place/old/done" ] && return
  mkdir -p "$place/old"
  "$python" -m pip install -q --target "$place/old/lib" --no-deps timm safetensors 'huggingface_hub<1' filelock fsspec tqdm packaging pyyaml \
    typing_extensions requests urllib3 idna certifi charset_normalizer pillow
  (cd "$place/old" && apt-get -q download python3-torchvision && dpkg -x python3-torchvision_*.deb torchvision)
  touch "$place/old/done"
}

if [ "$old" = yes ]; then
  install_old
  [ ${#names[@]} -gt 0 ] || names=(timm)
elif [ -z "$python" ]; then
  install_current
fi
[ ${#names[@]} -gt 0 ] || names=(timm skorch others)

passed=0
failed=0
for name in "${names[@]}"; do
  echo "== $name"
  if "$python" "$here/${name}_test.py"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
