#!/usr/bin/env bash
# Runs the tests of a CUDA build, or any program, on the emulated CUDA: without a GPU.
#
#   tests/emulated.sh BUILD_FOLDER [OPTION OF CTEST…]
#   tests/emulated.sh BUILD_FOLDER -- PROGRAM [ARGUMENT…]
#
# The build is one with -DEMBER_CUDA=ON -DCMAKE_CUDA_RUNTIME_LIBRARY=Shared -DEMBER_CUDA_EMULATOR=ON. What the device
# is like, and in which order its streams go on, is set by the variables in tests/emulator/runtime.h. Among them is
# EMBER_EMULATED_CHECK=race,global-race,init,sync: with it a kernel fails where its threads race for shared or global
# memory, where it reads memory that nobody has written, and where lanes of a warp come to different barriers.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2; }
build=$(cd "$1" && pwd)
shift
libraries=$build/tests/emulator
[ -e "$libraries/libcudart.so.13" ] || { echo "$libraries has no libcudart.so.13: see the head of $0" >&2; exit 2; }
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
# Many processes on few cores: threads that spin while they wait would take each other's time.
export OMP_WAIT_POLICY=passive
if [ "${1-}" = -- ]; then
  shift
  exec "$@"
fi
exec ctest --test-dir "$build" --output-on-failure --parallel "$(nproc)" "$@"
