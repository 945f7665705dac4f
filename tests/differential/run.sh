#!/usr/bin/env bash
# Random calls on Ember and on an installed LibTorch, and what differs between them:
#
#   tests/differential/run.sh LIBTORCH [TRIALS [SEED]]    LIBTORCH: the folder with share/cmake/Torch, such as the torch
#                                                         folder of the Python package
#
# Builds both in build/differential and writes tests/differential/summary.txt.
set -euo pipefail
(($# >= 1)) || { echo "usage: $0 LIBTORCH [TRIALS [SEED]]" >&2; exit 2; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source "$root/cmake/setup.sh"
libtorch=$(cd "$1" && pwd)
trials=${2:-200}
seed=${3:-1}
folder=$root/build/differential
configure "$root" "$folder" -DCMAKE_BUILD_TYPE=Release -DEMBER_CUDA=OFF -DEMBER_BENCHMARKS=OFF -DEMBER_INSTALL=OFF \
  -DEMBER_LIBTORCH_TWINS=ON -DTorch_DIR="$libtorch/share/cmake/Torch"
build "$folder" ember_differential ember_differential_libtorch
"$folder/tests/ember_differential" "$folder/ember.txt" --trials "$trials" --seed "$seed"
"$folder/tests/ember_differential_libtorch" "$folder/libtorch.txt" --trials "$trials" --seed "$seed" 2>"$folder/libtorch.log"
python3 "$root/tests/differential/compare.py" "$folder/ember.txt" "$folder/libtorch.txt" \
  --title "$(date +%F), $(git -C "$root" rev-parse --short HEAD), LibTorch $(cat "$libtorch/../torch-"*/METADATA 2>/dev/null | awk '/^Version:/ { print $2; exit }'), seed $seed, $trials calls of each case" \
  --known "$root/tests/differential/known.txt" --summary "$root/tests/differential/summary.txt"
