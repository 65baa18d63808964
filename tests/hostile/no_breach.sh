#!/usr/bin/env bash
# The worker that ships has none of the code by which tests leave walls out; the one for tests has it.
#
#   no_breach.sh SHIPPED BREACHED
set -euo pipefail
mark=AIRLOCK-BREACHED
grep -q "$mark" "$2" || { echo "$2: the mark is not there, so its absence proves nothing"; exit 1; }
if grep -q "$mark" "$1"; then
  echo "$1: a worker for tests, with walls that can be left out"
  exit 1
fi
echo "no walls can be left out of $1"
