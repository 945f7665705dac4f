#!/usr/bin/env bash
# Runs the tests on a machine's GPU, and then under the tools of compute-sanitizer.
#
#   tests/gpu.sh [OPTION…] BUILD_FOLDER
#
#   --tools LIST      of none,memcheck,racecheck,initcheck,synccheck: all of them unless given; none is the tests alone
#   --filter PATTERN  GoogleTest's, of the tests under a tool (the tests alone are all run): *CUDA*:*cuda*:*Cuda* unless given
#   --all-filter PATTERN  of the tests alone: everything unless given
#   --programs REGEX  of the test programs' names
#   --timeout S       of one program under one tool, in seconds: 1800 unless given
#   --logs FOLDER     where the output goes: BUILD_FOLDER/gpu-logs unless given
#
# A program is every ember_*_tests in BUILD_FOLDER/tests. Ends with a table; exits with 1 if anything failed, and with 2 if
# nothing could be run.
set -uo pipefail

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
  exit 2
}

tools=none,memcheck,racecheck,initcheck,synccheck
filter='*CUDA*:*cuda*:*Cuda*'
all_filter='*'
programs=.
limit=1800
logs=
build=
while (($#)); do
  case $1 in
    --tools | --filter | --all-filter | --programs | --timeout | --logs)
      (($# > 1)) || usage
      case $1 in
        --tools) tools=$2 ;;
        --filter) filter=$2 ;;
        --all-filter) all_filter=$2 ;;
        --programs) programs=$2 ;;
        --timeout) limit=$2 ;;
        --logs) logs=$2 ;;
      esac
      shift 2
      ;;
    -*) usage ;;
    *)
      [[ -z $build ]] || usage
      build=$1
      shift
      ;;
  esac
done
[[ -n $build ]] || usage
logs=${logs:-$build/gpu-logs}
mkdir -p "$logs" || exit 2

mapfile -t found < <(find "$build/tests" -maxdepth 1 -type f -executable -name 'ember_*_tests' | sort | grep -E -- "$programs")
if ((${#found[@]} == 0)); then
  echo "tests/gpu.sh: no test program in $build/tests" >&2
  exit 2
fi
sanitizer=${COMPUTE_SANITIZER:-compute-sanitizer}
IFS=, read -ra wanted <<< "$tools"
for tool in "${wanted[@]}"; do
  case $tool in
    none) ;;
    memcheck | racecheck | initcheck | synccheck)
      if ! command -v "$sanitizer" > /dev/null; then
        echo "tests/gpu.sh: there is no $sanitizer; --tools none runs the tests alone" >&2
        exit 2
      fi
      ;;
    *) usage ;;
  esac
done
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2> /dev/null || echo "nvidia-smi shows no GPU" >&2

# Arguments of compute-sanitizer for a tool. Tests that make a call of CUDA fail on purpose report no API errors.
options_of() {
  local options=(--tool "$1" --error-exitcode 99 --print-limit 20)
  [[ $1 == memcheck ]] && options+=(--leak-check no --report-api-errors no)
  echo "${options[@]}"
}

# "12 ran, 3 skipped, 1 failed" from the output of a test program.
counts_of() {
  local ran skipped failed
  ran=$(sed -n 's/^\[==========\] \([0-9]*\) tests\{0,1\} .* ran.*/\1/p' "$1" | tail -1)
  skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) tests\{0,1\},.*/\1/p' "$1" | tail -1)
  failed=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) tests\{0,1\},.*/\1/p' "$1" | tail -1)
  echo "${ran:-?} ran, ${skipped:-0} skipped, ${failed:-0} failed"
}

status=0
rows=()
for tool in "${wanted[@]}"; do
  for program in "${found[@]}"; do
    name=$(basename "$program")
    log=$logs/$tool-$name.log
    if [[ $tool == none ]]; then
      command=("$program" "--gtest_filter=$all_filter")
    else
      read -ra options < <(options_of "$tool")
      command=("$sanitizer" "${options[@]}" "$program" "--gtest_filter=$filter")
      # Without a test that matches there is nothing to look at.
      if ! "$program" "--gtest_filter=$filter" --gtest_list_tests 2> /dev/null | grep -q '^ '; then
        continue
      fi
    fi
    echo "$tool: $name" >&2
    start=$SECONDS
    timeout "$limit" "${command[@]}" > "$log" 2>&1
    code=$?
    case $code in
      0) outcome=passed ;;
      99) outcome="errors: $(grep -c '^========= \(Invalid\|Error\|Uninitialized\|Race\|Barrier\|Program hit\)' "$log")" ;;
      124) outcome="over $limit s" ;;
      *) outcome="exit $code" ;;
    esac
    counts=$(counts_of "$log")
    if [[ $code == 0 && $counts =~ ^([0-9]+)\ ran,\ ([0-9]+)\ skipped && ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]]; then
      outcome="nothing but skipped tests"
      status=1
    fi
    if ((code != 0)); then
      status=1
      tail -n 40 "$log" >&2
    fi
    rows+=("$(printf '%-10s  %-28s  %6d s  %-36s  %s' "$tool" "$name" $((SECONDS - start)) "$counts" "$outcome")")
  done
done

if ((${#rows[@]} == 0)); then
  echo "tests/gpu.sh: no test matches" >&2
  exit 2
fi
printf '\n%-10s  %-28s  %8s  %-36s  %s\n' tool program time tests outcome
printf '%s\n' "${rows[@]}"
exit "$status"
