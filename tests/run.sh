#!/usr/bin/env bash
# Builds everything and runs every test, for a Debian or Ubuntu system as it comes: installs the packages that
# are missing (as root or with sudo), builds in build/tests, and runs ctest with the arguments given here:
#
#   tests/run.sh              every test
#   tests/run.sh -R softmax   those with softmax in their name
#
# The environment variables that cmake/setup.sh names change how it builds; EMBER_BUILD_DIR, where.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/setup.sh"
folder=${EMBER_BUILD_DIR:-$root/build/tests}

install_missing "${EMBER_TOOLS[@]}" "${EMBER_LIBRARIES[@]}" "${EMBER_MLP_LIBRARIES[@]}" "${EMBER_TEST_TOOLS[@]}" \
  "${EMBER_TEST_LIBRARIES[@]}"
configure "$root" "$folder" -DEMBER_TESTS=ON -DEMBER_BENCHMARKS=ON
build "$folder"
say "Running the tests"
ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel "$(nproc)" "$@"
