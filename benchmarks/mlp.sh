#!/usr/bin/env bash
# Trains an MLP on handwritten digits, for a Debian or Ubuntu system as it comes: installs the packages that
# are missing (as root or with sudo), builds Ember in build/release, and runs ember_mlp with the arguments given here:
#
#   benchmarks/mlp.sh                           the digits, on a GPU where there is one, else on the CPU
#   benchmarks/mlp.sh --hidden 1024 --epochs 5  see --help
#
# The environment variables that cmake/setup.sh names change how it builds.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/setup.sh"

install_missing "${EMBER_TOOLS[@]}" "${EMBER_LIBRARIES[@]}" "${EMBER_MLP_LIBRARIES[@]}"
configure "$root" "$root/build/release" -DCMAKE_BUILD_TYPE=Release -DEMBER_TESTS=OFF -DEMBER_BENCHMARKS=ON
build "$root/build/release" ember_mlp
say "Running ember_mlp${*:+ $*}"
exec "$root/build/release/bin/ember_mlp" "$@"
