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
#   --jobs N          how many programs run at once: 1 unless given
#   --shards N        in how many parts each program's tests are run, each a program of its own: 1 unless given
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
jobs=1
shards=1
logs=
build=
while (($#)); do
  case $1 in
    --tools | --filter | --all-filter | --programs | --timeout | --logs | --jobs | --shards)
      (($# > 1)) || usage
      case $1 in
        --tools) tools=$2 ;;
        --filter) filter=$2 ;;
        --all-filter) all_filter=$2 ;;
        --programs) programs=$2 ;;
        --timeout) limit=$2 ;;
        --logs) logs=$2 ;;
        --jobs) jobs=$2 ;;
        --shards) shards=$2 ;;
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

# One program under one tool, one part of its tests: leaves a log and, beside it, the row of the table after the exit code.
run_one() {
  local tool=$1 program=$2 shard=$3 name log command options code outcome counts start=$SECONDS
  name=$(basename "$program")
  log=$logs/$tool-$name-$shard.log
  if [[ $tool == none ]]; then
    command=("$program" "--gtest_filter=$all_filter")
  else
    read -ra options < <(options_of "$tool")
    command=("$sanitizer" "${options[@]}" "$program" "--gtest_filter=$filter")
  fi
  GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$shard timeout "$limit" "${command[@]}" > "$log" 2>&1
  code=$?
  counts=$(counts_of "$log")
  case $code in
    0) outcome=passed ;;
    99) outcome="errors: $(grep -c '^========= \(Invalid\|Error\|Uninitialized\|Race\|Barrier\|Program hit\)' "$log")" ;;
    124) outcome="over $limit s" ;;
    *) outcome="exit $code" ;;
  esac
  ((shards > 1)) && name+=" $((shard + 1))/$shards"
  {
    echo "$code ${counts//[^0-9 ]/}"
    printf '%-10s  %-32s  %6d s  %-36s  %s\n' "$tool" "$name" $((SECONDS - start)) "$counts" "$outcome"
  } > "$log.row"
  ((code == 0)) || { echo "== $tool, $name: $outcome" && tail -n 40 "$log"; } >&2
}

row_files=()
for tool in "${wanted[@]}"; do
  for program in "${found[@]}"; do
    # Without a test that matches there is nothing to look at.
    if [[ $tool != none ]] && ! "$program" "--gtest_filter=$filter" --gtest_list_tests 2> /dev/null | grep -q '^ '; then
      continue
    fi
    for ((shard = 0; shard < shards; ++shard)); do
      while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
      echo "$tool: $(basename "$program") $((shard + 1))/$shards" >&2
      row_files+=("$logs/$tool-$(basename "$program")-$shard.log.row")
      rm -f "${row_files[-1]}"
      run_one "$tool" "$program" "$shard" &
    done
  done
done
wait

if ((${#row_files[@]} == 0)); then
  echo "tests/gpu.sh: no test matches" >&2
  exit 2
fi
status=0
unskipped=0
printf '\n%-10s  %-32s  %8s  %-36s  %s\n' tool program time tests outcome
for file in "${row_files[@]}"; do
  if [[ -f $file ]]; then
    {
      read -r code ran skipped _
      cat
    } < "$file"
    ((code == 0)) || status=1
    ((unskipped += ${ran:-0} - ${skipped:-0}))
  else
    echo "no outcome: $file"
    status=1
  fi
done
if ((status == 0 && unskipped <= 0)); then
  echo "every test was skipped"
  status=1
fi
exit "$status"
