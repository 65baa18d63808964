#!/usr/bin/env bash
# Installs the Debian 12 packages that Airlock needs, and only those that are missing. No prompt; safe to run twice.
#
#   deploy/dependencies.sh           what the build needs
#   deploy/dependencies.sh --tests   also what the tests need (python3-torch is large: about 500 MB with what it pulls in)
#   deploy/dependencies.sh --checks  also what .ci/run needs besides: formatter, linters, second compiler
#   deploy/dependencies.sh --list [--tests] [--checks]   prints the names and installs nothing
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

build_packages=(
  g++ cmake ninja-build pkg-config
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  libseccomp-dev libsystemd-dev libssl-dev
  libspdlog-dev libcli11-dev nlohmann-json3-dev prometheus-cpp-dev
  libdeflate-dev libisal-dev zlib1g-dev libbz2-dev liblzma-dev liblz4-dev
)
test_packages=(libgtest-dev libgmock-dev python3 python3-numpy python3-grpcio python3-protobuf python3-torch openssl systemd binutils procps apparmor)
check_packages=(ccache git clang clang-format clang-tidy libclang-rt-dev shellcheck)

packages=("${build_packages[@]}")
list_only=no
for argument in "$@"; do
  case "$argument" in
    --tests) packages+=("${test_packages[@]}") ;;
    --checks) packages+=("${check_packages[@]}") ;;
    --list) list_only=yes ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
  esac
done
if [ "$list_only" = yes ]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo "dependencies: all ${#packages[@]} packages are installed" >&2
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "dependencies: run as root (or install sudo) to install: ${missing[*]}" >&2; exit 77; }
  as_root=(sudo -n)
  sudo -n true 2>/dev/null || as_root=(sudo)
fi
echo "dependencies: installing ${missing[*]}" >&2
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0)
"${apt[@]}" update >&2
"${apt[@]}" install --no-install-recommends "${missing[@]}" >&2
