#!/usr/bin/env bash
# Installs the C++ client into a folder, builds client/cpp/example against it, moves the folder first (paths of the build must not
# be in it), and runs the program on a checkpoint and on one that it must refuse. Then configures a project that has this tree in its own.
#
#   client_package.sh CMAKE BUILD-FOLDER C++-COMPILER
set -euo pipefail
cmake=$1 build=$2 compiler=$3
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cmake" --install "$build" --component client --prefix "$work/first" >"$work/log"
mv "$work/first" "$work/moved"
if grep -rlF -e "$source_dir" -e "$build" "$work/moved" --include='*.cmake'; then
  echo "these name the tree that they were built in" >&2
  exit 1
fi
"$cmake" -S "$source_dir/client/cpp/example" -B "$work/example" -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_CXX_COMPILER="$compiler"
"$cmake" --build "$work/example"

export AIRLOCK_DAEMON=$build/bin/airlockd
"$build/bin/airlock-sample" "$work"
"$work/example/weights" "$work/sample.pt" | tee "$work/said"
grep -q ' float32 ' "$work/said"
code=0
"$work/example/weights" "$work/hostile.pt" 2>"$work/said" || code=$?
[ "$code" -eq 1 ]
grep -qx DANGEROUS_CONTENT "$work/said"

mkdir "$work/outer"
cat >"$work/outer/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(outer LANGUAGES C CXX)
add_subdirectory($source_dir airlock EXCLUDE_FROM_ALL)
add_executable(weights $source_dir/client/cpp/example/weights.cc)
target_link_libraries(weights PRIVATE airlock::client)
if(TARGET server_test)
  message(FATAL_ERROR "the tests are not for others")
endif()
CMAKE
"$cmake" -S "$work/outer" -B "$work/outer/build" -DCMAKE_CXX_COMPILER="$compiler"
