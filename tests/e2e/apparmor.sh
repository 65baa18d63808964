#!/usr/bin/env bash
# The AppArmor profile is valid. A parser before 4.0 knows neither `userns,` nor its abi: it is shown the rest.
set -euo pipefail
command -v apparmor_parser >/dev/null || { echo "SKIPPED: no apparmor_parser"; exit 77; }
profile=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/deploy/apparmor/airlockd
[ "$(grep -c '^  userns,$' "$profile")" -eq 2 ] || { echo "not both programs may make user namespaces"; exit 1; }
shown=$(mktemp)
trap 'rm -f "$shown"' EXIT
cp "$profile" "$shown"
version=$(apparmor_parser --version | sed -n 's/^AppArmor parser version \([0-9]*\).*/\1/p')
[ "$version" -ge 4 ] || sed -i '/^abi <abi\/4.0>,$/d; /^  userns,$/d' "$shown"
# Compiles it, without the kernel.
apparmor_parser --skip-kernel-load --skip-cache --quiet "$shown"
apparmor_parser --skip-kernel-load --skip-cache --names "$shown"
