#!/usr/bin/env bash
# Installs what is missing, builds, runs every test. The last line is `N passed, N failed`; exit 0 only if none failed.
#
#   tests/run.sh                     the release preset, all tests
#   tests/run.sh --preset NAME       dev, asan-ubsan or tsan instead
#   tests/run.sh --quick             without the tests labelled large or slow
#   tests/run.sh --label REGEX       only tests with such a label (ctest -L)
#   tests/run.sh --targets 'A B'     builds only these: enough for the labels that are asked for
set -euo pipefail

# Debian's tools, whatever else of the same name comes first in the caller's PATH.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=release
targets=()
ctest_options=(--output-on-failure --no-tests=error -j2)
while [ "$#" -gt 0 ]; do
  case "$1" in
    --preset) preset=${2-}; shift 2 ;;
    --quick) ctest_options+=(-LE 'large|slow'); shift ;;
    --targets) read -r -d '' -a targets <<<"${2-}" || true; shift 2 ;;
    --label) ctest_options+=(-L "${2-}"); shift 2 ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
  esac
done
case "$preset" in
  release) build=$here/build ;;
  dev | asan-ubsan | tsan) build=$here/build-$preset ;;
  *) echo "run.sh: no such preset: $preset" >&2; exit 64 ;;
esac
# A sanitizer's first report is a failure, and a leak is one too.
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1:strict_string_checks=1}
export LSAN_OPTIONS=${LSAN_OPTIONS-suppressions=$here/tests/lsan.supp:print_suppressions=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS-halt_on_error=1:ignore_noninstrumented_modules=1:suppressions=$here/tests/tsan.supp}
# What a compilation depends on and ccache does not know of.
export CCACHE_EXTRAFILES=$here/tests/tsan.ignore

# The closing line, from what ctest wrote down: skipped tests are named and count as neither.
summary() {
  /usr/bin/python3 - "$1" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
cases = tree.parse(sys.argv[1]).getroot().findall("testcase")
by = lambda word: [c.get("name") for c in cases if c.get("status") == word]
skipped = by("notrun") + by("disabled")
for name in skipped:
    print(f"SKIPPED: {name}")
for name in by("fail"):
    print(f"FAILED: {name}")
print(f"{len(by('run'))} passed, {len(by('fail'))} failed")
PYTHON
}

echo "== packages: installing what is missing" >&2
extra=()
[ "$preset" != tsan ] || extra=(--checks)  # it is built by clang
"$here/deploy/dependencies.sh" --tests "${extra[@]}"
echo "== build: preset $preset, into $build" >&2
cd "$here"
/usr/bin/cmake --preset "$preset"
/usr/bin/cmake --build "$build" -j2 ${targets:+--target "${targets[@]}"}
echo "== tests: ctest ${ctest_options[*]}" >&2
results=$build/test-results.xml
rm -f "$results"
code=0
/usr/bin/ctest --test-dir "$build" "${ctest_options[@]}" --output-junit "$results" || code=$?
if [ ! -s "$results" ]; then
  echo "run.sh: ctest wrote no results (exit $code)" >&2
  echo "0 passed, 1 failed"
  exit 1
fi
summary "$results"
exit "$code"
