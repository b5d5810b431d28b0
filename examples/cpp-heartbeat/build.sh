#!/bin/sh
# Builds build/heartbeat. Exits with 3 where this machine has no C++ compiler.
set -eu
cd "$(dirname "$0")"
compiler=${CXX:-g++}
command -v "$compiler" >/dev/null 2>&1 || {
  echo "cpp-heartbeat is not built: there is no $compiler here (install g++, or set CXX)" >&2
  exit 3
}
mkdir -p build
# Static: the program then depends on nothing of the image it runs on.
"$compiler" -std=c++17 -O2 -Wall -Wextra -Werror -static -o build/heartbeat.new main.cpp
mv build/heartbeat.new build/heartbeat
