#!/usr/bin/env bash
# Builds and runs a small program against Ember in each way that README.md offers.
#
#   tests/consumers/run.sh BUILD   BUILD: a folder in which Ember has been built; the consumers go below it
set -euo pipefail
(($# == 1)) || { echo "usage: $0 BUILD" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
source "$root/cmake/setup.sh"
build=$(cd "$1" && pwd)
work=$build/consumers
rm -rf "$work"
mkdir -p "$work"

# consumer NAME FOLDER ARGUMENT...: configures, builds and runs; the losses go to NAME.txt
consumer() {
  local name=$1 folder=$2
  shift 2
  say "Consumer: $name"
  configure "$here/$folder" "$work/$name" "$@" >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; die "$name does not configure"; }
  build "$work/$name" >>"$work/$name.log" 2>&1 || { tail -n 60 "$work/$name.log"; die "$name does not build"; }
  if grep -qE '^EMBER_(TESTS|BENCHMARKS|INSTALL):BOOL=ON' "$work/$name/CMakeCache.txt"; then
    die "$name builds Ember's own tests, benchmarks or installation"
  fi
  "$work/$name/consumer" | tee "$work/$name.txt"
  [[ $(grep -c '^loss ' "$work/$name.txt") == 3 ]] || die "$name did not print three losses"
  cmp "$work/$name.txt" "$work/${first:=$name}.txt" || die "$name and $first differ"
}

cmake --install "$build" --prefix "$work/installed" >/dev/null
consumer find_package find_package -DCMAKE_PREFIX_PATH="$work/installed" -DCMAKE_BUILD_TYPE=Release
consumer build_folder find_package -Dember_DIR="$build" -DCMAKE_BUILD_TYPE=Release
consumer libtorch_names libtorch_names -DCMAKE_PREFIX_PATH="$work/installed" -DCMAKE_BUILD_TYPE=Release

# These two compile the library again: not optimised, and for the CPU only, to save time.
own=(-DEMBER_CUDA=OFF -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0)
(cd "$root" && git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -czf "$work/ember.tar.gz")
consumer fetch_content fetch_content -DEMBER_ARCHIVE="$work/ember.tar.gz" "${own[@]}"
consumer add_subdirectory add_subdirectory -DEMBER_SOURCE="$root" "${own[@]}"
say "Every consumer builds and gives the same losses"
