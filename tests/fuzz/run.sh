#!/usr/bin/env bash
# Builds the fuzz targets, makes their seeds, runs each for a while, one at a time, and says of each how long, with how much processor
# time, how many executions. The last line is `N passed, N failed`; exit 0 only if none failed.
#
#   tests/fuzz/run.sh                one minute for each target
#   tests/fuzz/run.sh SECONDS        so long for each
#   tests/fuzz/run.sh SECONDS NAME...   only these targets, such as zip_fuzz
#
# What a target found lies in build-fuzz/findings, the inputs that reach most code in build-fuzz/corpus; a later run begins there.
set -euo pipefail

export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$here/build-fuzz
seconds=${1-60}
[[ "$seconds" =~ ^[1-9][0-9]*$ ]] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 64; }
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1:strict_string_checks=1:allocator_may_return_null=0}
export LSAN_OPTIONS=${LSAN_OPTIONS-suppressions=$here/tests/lsan.supp:print_suppressions=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1:halt_on_error=1}

cd "$here"
mapfile -t targets < <(sed -n 's/^airlock_fuzzer(\([a-z0-9_]*\) .*/\1/p' tests/fuzz/CMakeLists.txt)
[ "$#" -lt 2 ] || targets=("${@:2}")
seeders=()
case " ${targets[*]} " in *" frame_fuzz "* | *" validator_fuzz "*) seeders=(plan_seeds) ;; esac
echo "== build: ${targets[*]}" >&2
/usr/bin/cmake --preset fuzz >&2
/usr/bin/cmake --build "$build" -j2 --target "${targets[@]}" "${seeders[@]}" >&2

echo "== seeds" >&2
rm -rf "$build/seeds"
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/fuzz/seeds.py "$build/seeds"
mkdir -p "$build/seeds/validator_fuzz" "$build/seeds/frame_fuzz" "$build/findings"
[ "${#seeders[@]}" -eq 0 ] || "$build/bin/plan_seeds" "$build/seeds/validator_fuzz" "$build/seeds/frame_fuzz"

passed=0
failed=()
TIMEFORMAT='%R %U %S'
# What a log of libFuzzer says of one of its final counts.
count() { sed -n "s/^stat::$1: *//p" "$build/findings/$target.log"; }
for target in "${targets[@]}"; do
  echo "== $target: $seconds seconds" >&2
  mkdir -p "$build/corpus/$target" "$build/seeds/$target"
  options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=3072 -max_len=65536 -print_final_stats=1
           -artifact_prefix="$build/findings/$target-")
  dictionary=tests/fuzz/${target%_fuzz}.dict
  [ -f "$dictionary" ] || dictionary=tests/fuzz/pickle.dict
  # Beyond its time a target is stuck, which is a finding too.
  code=0
  { time timeout -k 10 $((seconds + 300)) nice "$build/bin/$target" "${options[@]}" -dict="$dictionary" "$build/corpus/$target" \
      "$build/seeds/$target" > "$build/findings/$target.log" 2>&1 || code=$?; } 2> "$build/findings/$target.time"
  if [ "$code" -eq 0 ]; then
    passed=$((passed + 1))
  else
    failed+=("$target")
    tail -n 40 "$build/findings/$target.log" >&2
  fi
  read -r wall user system < <(tail -n 1 "$build/findings/$target.time")
  echo "$target: $wall s, $user + $system s of processor time, $(count number_of_executed_units) executions," \
    "$(count new_units_added) new inputs, $(count peak_rss_mb) MB, exit $code"
done
for target in "${failed[@]}"; do echo "FAILED: $target (see $build/findings)"; done
echo "$passed passed, ${#failed[@]} failed"
[ "${#failed[@]}" -eq 0 ]
