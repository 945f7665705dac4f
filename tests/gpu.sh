#!/usr/bin/env bash
# Runs the tests on a machine's GPU, and then under the tools of compute-sanitizer.
#
#   tests/gpu.sh [OPTION…] BUILD_FOLDER
#
#   --tools LIST      of none,memcheck,racecheck,initcheck,synccheck: all of them unless given; none is the tests alone
#   --programs REGEX  of the test programs' names
#   --all-filter PATTERN  GoogleTest's, of the tests alone: everything unless given
#   --cuda-only       of the tests alone those that are about CUDA: *CUDA*:*cuda*:*Cuda*
#   --groups REGEX    of the groups of tests that are run under a tool, each a process; they are listed below
#   --filter PATTERN  under a tool, instead of the groups: the tests of every program that match
#   --dtypes LIST     of the operations' tests under a tool; float32,bfloat16,int64 unless given, '' for all
#   --libraries       checks the kernels of libraries too, not those of Ember and CUB only
#   --timeout S       of one process, in seconds: 600 unless given
#   --deadline S      what has not ended S seconds after the start is ended, or not begun, and named in the table
#   --jobs N          how many processes run at once: 1 unless given
#   --shards N        in how many parts a program's tests are run alone or with --filter, each a process of its own;
#                     unless given one for every 60 tests, and as many as there are jobs at most
#   --mps, --no-mps   whether the tests alone share the GPU by an MPS daemon of their own, which this starts and stops:
#                     where there is one, with more than one job, unless given
#   --logs FOLDER     where the output goes: BUILD_FOLDER/gpu-logs unless given
#   --dry-run         prints the commands only
#
# A program is every ember_*_tests in BUILD_FOLDER/tests. All processes are of one queue, those that take long first: by
# how long they took the last time, where the logs have it. A tool instruments the kernels of a module (a .cu file) when
# it is loaded, which can take longer than running them: so a group has the tests of a few modules. Ends with a table;
# exits with 1 if anything failed or was not done, and with 2 if nothing could be run.
set -uo pipefail

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
  exit 2
}

# Name, tools (Memcheck, Initcheck, Racecheck, Synccheck: the latter two look at shared memory and barriers), and names
# of operations or PROGRAM/FILTER.
groups() {
  cat << 'END'
copies        MI    clone to copy_ contiguous fill_ cat stack repeat roll flip constant_pad_nd as_strided tril
unary         MI    neg abs square sqrt rsqrt clamp floor round isnan logical_not
math          MI    exp log sin tan expm1 erf erfinv lgamma digamma
activations   MI    relu tanh sigmoid gelu silu softplus elu leaky_relu glu
binary        MI    add sub mul div maximum
binary_math   MI    pow atan2 fmod hypot logaddexp remainder
binary_bits   MI    gcd bitwise_and bitwise_left_shift
compare       MI    eq lt isclose logical_and
ternary       MI    where addcmul addcdiv lerp clamp_tensor nan_to_num
sums          MIRS  sum mean all any count_nonzero nansum
extremes      MIRS  amax amin aminmax
arg_extremes  MIRS  max_dim argmax min_dim argmin
moments       MIRS  std var_mean norm_2.00 norm_1.50 norm_inf renorm
products      MIRS  prod
scans         MIRS  cumsum cumprod logcumsumexp cummax cummin
sorts         MIRS  sort topk median_dim mode kthvalue unique unique_dim
searches      MIRS  bincount histc searchsorted nonzero masked_select
softmax       MIRS  softmax log_softmax
losses        MIRS  cross_entropy_loss nll_loss mse_loss
layer_norm    MIRS  layer_norm ember_op_tests/Gradient.layer_norm_cuda
matmul        MIRS  mm bmm addmm mv dot linear
indexing      MIRS  gather index index_select take index_mask masked_scatter
scatters      MIRS  index_add scatter_add index_put_accumulate scatter scatter_reduce_sum index_copy put_accumulate
random        MI    ember_program_tests/*Determinism*randoms_cuda
optimizers    MIRS  ember_profile_tests/AllocationFailures.FirstStepOfTheOptimizer/*_cuda
training      MI    ember_program_tests/*SimpleNet.Trains/cuda:*TwoLayers*/cuda:*CustomSigmoid*/cuda
streams       MI    ember_cuda_tests/CudaBackwardStream.*:CudaStreamTest.*:CudaExternalStream.*
graphs        MI    ember_cuda_tests/CudaGraphTest.*-*RefusesWhat*
memory        M     ember_backend_tests/CudaMemoryStream.*:CudaMemory.EmptyCache:CudaMemory.SnapshotAddsUp
END
}

about_cuda='*CUDA*:*cuda*:*Cuda*'
tools=none,memcheck,racecheck,initcheck,synccheck
filter=
all_filter='*'
groups=.
programs=.
dtypes=float32,bfloat16,int64
libraries=
limit=600
deadline=
jobs=1
shards=
mps=auto
logs=
dry_run=
build=
while (($#)); do
  case $1 in
    --tools | --groups | --filter | --all-filter | --programs | --dtypes | --timeout | --deadline | --logs | --jobs | \
      --shards)
      (($# > 1)) || usage
      case $1 in
        --tools) tools=$2 ;;
        --groups) groups=$2 ;;
        --filter) filter=$2 ;;
        --all-filter) all_filter=$2 ;;
        --programs) programs=$2 ;;
        --dtypes) dtypes=$2 ;;
        --timeout) limit=$2 ;;
        --deadline) deadline=$2 ;;
        --logs) logs=$2 ;;
        --jobs) jobs=$2 ;;
        --shards) shards=$2 ;;
      esac
      shift 2
      ;;
    --cuda-only) all_filter=$about_cuda && shift ;;
    --libraries) libraries=1 && shift ;;
    --mps) mps=yes && shift ;;
    --no-mps) mps=no && shift ;;
    --dry-run) dry_run=1 && shift ;;
    -*) usage ;;
    *)
      [[ -z $build ]] || usage
      build=$1
      shift
      ;;
  esac
done
[[ -n $build ]] || usage
for number in "$limit" "${deadline:-1}" "$jobs" "${shards:-1}"; do
  [[ $number =~ ^[1-9][0-9]*$ ]] || usage
done
logs=${logs:-$build/gpu-logs}
mkdir -p "$logs" || exit 2

mapfile -t found < <(find "$build/tests" -maxdepth 1 -type f -executable -name 'ember_*_tests' | sort |
  grep -E -- "$programs")
if ((${#found[@]} == 0)); then
  echo "tests/gpu.sh: no test program in $build/tests" >&2
  exit 2
fi
sanitizer=${COMPUTE_SANITIZER:-compute-sanitizer}
known_options=
IFS=, read -ra wanted <<< "$tools"
for tool in "${wanted[@]}"; do
  case $tool in
    none) ;;
    memcheck | racecheck | initcheck | synccheck)
      if ! command -v "$sanitizer" > /dev/null; then
        echo "tests/gpu.sh: there is no $sanitizer; --tools none runs the tests alone" >&2
        exit 2
      fi
      known_options=$("$sanitizer" --help 2> /dev/null)
      ;;
    *) usage ;;
  esac
done
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2> /dev/null || echo "nvidia-smi shows no GPU" >&2

# ---- the queue ----

# Many processes share the cores; threads that spin while they wait would take the others' time.
cores=$(nproc)
threads=$((jobs > 1 ? (cores + jobs - 1) / jobs : cores))
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$threads} OMP_WAIT_POLICY=passive
export CUDA_MODULE_LOADING=${CUDA_MODULE_LOADING:-LAZY}

has_option() { grep -q -e "^ *\(-. \[ \)\{0,1\}$1 " <<< "$known_options"; }

# Arguments of compute-sanitizer for the process of a number: what this version has of them.
options_of() {
  local tool=$1 number=$2 options=(--tool "$1" --error-exitcode 99 --print-limit 20) name=--kernel-name
  # Of each launch the host's stack would be kept; a process may have tests only that are skipped or run on the host; at
  # the same time others look for ports.
  local -a more=("--show-backtrace device" "--require-cuda-init no" "--target-processes application-only" "--nvtx no"
    "--launch-timeout 300" "--port $((49152 + number % 800 * 20))")
  case $tool in
    # Tests that make a call of CUDA fail on purpose report no API errors. No kernel allocates.
    memcheck)
      more+=("--leak-check no" "--report-api-errors no" "--check-device-heap no" "--track-stream-ordered-races no")
      ;;
    # Records of launches that nobody waits for would fill the memory.
    racecheck)
      more+=("--racecheck-report analysis" "--racecheck-num-workers $threads" "--force-synchronization-limit 128")
      ;;
  esac
  # What libraries write is not seen to be written in old versions, if their kernels are left out.
  if [[ -z $libraries ]] && { [[ $tool != initcheck ]] || has_option --initcheck-track-filtered-global-memory; }; then
    has_option "$name" || name=--kernel-regex  # its name before 2023.3
    more+=("$name kns=5ember" "$name kns=3cub")
  fi
  local option
  for option in "${more[@]}"; do
    if has_option "${option%% *}"; then
      read -ra option <<< "$option"
      options+=("${option[@]}")
    fi
  done
  echo "${options[@]}"
}

# Parallel arrays: the tool, the name in the table, the program, the filter, the part of how many, how long it may take.
task_tool=()
task_name=()
task_program=()
task_filter=()
task_shard=()
task_shards=()
task_weight=()

count_tests() { "$1" "--gtest_filter=$2" --gtest_list_tests 2> /dev/null | grep -c '^ '; }

log_of() { echo "$logs/${task_tool[$1]}-${task_name[$1]//[^a-zA-Z0-9_]/-}"; }

add_task() {  # TOOL NAME PROGRAM FILTER SHARD SHARDS WEIGHT
  task_tool+=("$1") task_name+=("$2") task_program+=("$3") task_filter+=("$4") task_shard+=("$5") task_shards+=("$6")
  local last log weight=$7
  log=$(log_of $((${#task_tool[@]} - 1)))
  if last=$(sed -n 's/^seconds //p' "$log.seconds" 2> /dev/null) && [[ -n $last ]]; then weight=$((last * 100)); fi
  task_weight+=("$weight")
}

# A program's tests in parts. Weights are in hundredths of a second, and guesses.
add_program() {  # TOOL PROGRAM FILTER WEIGHT_OF_A_TEST
  local n parts shard name
  n=$(count_tests "$2" "$3")
  ((n > 0)) || return 0
  parts=${shards:-$((n / 60 + 1 < jobs ? n / 60 + 1 : jobs))}
  for ((shard = 0; shard < parts; ++shard)); do
    name=$(basename "$2")
    ((parts > 1)) && name+=" $((shard + 1))/$parts"
    add_task "$1" "$name" "$2" "$3" "$shard" "$parts" $((n * $4 / parts))
  done
}

program_named() {
  local program
  for program in "${found[@]}"; do
    [[ $(basename "$program") == "$1" ]] && echo "$program" && return 0
  done
  return 1
}

add_groups() {  # TOOL LETTER WEIGHT_OF_A_TEST
  local name letters tests test names_of_ops program pattern n
  while read -r name letters tests; do
    [[ $letters == *$2* && $name =~ $groups ]] || continue
    names_of_ops=
    for test in $tests; do
      if [[ $test == */* && $test == ember_* ]]; then
        program=${test%%/*} pattern=${test#*/}
      else
        names_of_ops+=Forward.${test}_cuda:
        continue
      fi
      program=$(program_named "$program") || continue
      n=$(count_tests "$program" "$pattern")
      ((n == 0)) || add_task "$1" "$name: $(basename "$program")" "$program" "$pattern" 0 1 $((n * $3 + 1000))
    done
    if [[ -n $names_of_ops ]] && program=$(program_named ember_op_tests); then
      n=$(count_tests "$program" "$names_of_ops")
      if ((n != $(tr -cd : <<< "$names_of_ops" | wc -c))); then
        echo "tests/gpu.sh: the group $name names tests that there are not: $names_of_ops" >&2
        exit 2
      fi
      add_task "$1" "$name" "$program" "$names_of_ops" 0 1 $((n * $3 + 1000))
    fi
  done < <(groups)
}

for tool in "${wanted[@]}"; do
  case $tool in
    none) letter='' weight=5 ;;
    memcheck) letter=M weight=200 ;;
    initcheck) letter=I weight=300 ;;
    synccheck) letter=S weight=200 ;;
    racecheck) letter=R weight=500 ;;
  esac
  if [[ -z $letter ]]; then
    for program in "${found[@]}"; do add_program none "$program" "$all_filter" "$weight"; done
  elif [[ -n $filter ]]; then
    for program in "${found[@]}"; do add_program "$tool" "$program" "$filter" "$weight"; done
  else
    add_groups "$tool" "$letter" "$weight"
  fi
done
if ((${#task_tool[@]} == 0)); then
  echo "tests/gpu.sh: no test matches" >&2
  exit 2
fi
mapfile -t order < <(for i in "${!task_tool[@]}"; do echo "${task_weight[i]} $i"; done |
  sort -k1,1nr -k2,2n | cut -d' ' -f2)

# ---- MPS ----

mps_folder=
stop_mps() {
  [[ -n $mps_folder ]] || return 0
  echo quit | CUDA_MPS_PIPE_DIRECTORY=$mps_folder timeout 20 nvidia-cuda-mps-control > /dev/null 2>&1
  rm -rf "$mps_folder"
  mps_folder=
}
trap stop_mps EXIT
# shellcheck disable=SC2317  # the trap calls it
stop_processes() {
  local subshell
  for subshell in $(jobs -rp); do pkill -TERM -P "$subshell"; done
  exit 130
}
trap stop_processes INT TERM

start_mps() {
  mps_folder=$(mktemp -d /tmp/ember-mps.XXXXXX) || return 1
  CUDA_MPS_PIPE_DIRECTORY=$mps_folder CUDA_MPS_LOG_DIRECTORY=$mps_folder nvidia-cuda-mps-control -d \
    > "$logs/mps.log" 2>&1 || return 1
  # Whether it serves anybody here: the first client starts the server.
  local program
  program=$(program_named ember_cuda_tests) || return 0
  CUDA_MPS_PIPE_DIRECTORY=$mps_folder timeout 60 "$program" --gtest_filter=CudaStreamTest.PoolAndPriorities \
    > "$logs/mps.log" 2>&1 && ! grep -q SKIPPED "$logs/mps.log"
}

if [[ $mps == auto ]]; then
  mps=no
  if ((jobs > 1)) && [[ ,$tools, == *,none,* ]] && command -v nvidia-cuda-mps-control > /dev/null; then mps=yes; fi
fi
if [[ $mps == yes && -z $dry_run ]] && ! start_mps; then
  echo "tests/gpu.sh: without MPS, which does not work here ($logs/mps.log)" >&2
  stop_mps
fi

# ---- the processes ----

# "12 ran, 3 skipped, 1 failed" from the output of a test program.
counts_of() {
  local ran skipped failed
  ran=$(sed -n 's/^\[==========\] \([0-9]*\) tests\{0,1\} .* ran.*/\1/p' "$1" | tail -1)
  skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) tests\{0,1\},.*/\1/p' "$1" | tail -1)
  failed=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) tests\{0,1\},.*/\1/p' "$1" | tail -1)
  echo "${ran:-?} ran, ${skipped:-0} skipped, ${failed:-0} failed"
}

begin=$SECONDS
row() { printf '%-10s  %-36s  %6s s  %-36s  %s\n' "$@"; }

# Leaves a log and, beside it, the row of the table after the exit code.
run_one() {
  local i=$1 tool=${task_tool[$1]} name=${task_name[$1]} start=$SECONDS time=$limit
  local log command options code outcome counts
  log=$(log_of "$i")
  command=("${task_program[i]}" "--gtest_filter=${task_filter[i]}")
  local -a environment=("GTEST_TOTAL_SHARDS=${task_shards[i]}" "GTEST_SHARD_INDEX=${task_shard[i]}")
  if [[ $tool == none ]]; then
    [[ -z $mps_folder ]] || environment+=("CUDA_MPS_PIPE_DIRECTORY=$mps_folder")
  else
    read -ra options < <(options_of "$tool" "$i")
    # A lost context and a process of its own are nothing for a tool.
    [[ ${task_filter[i]} == *-* ]] && command[1]+=: || command[1]+=-
    command[1]+='*DeathTest*'
    command=("$sanitizer" "${options[@]}" "${command[@]}")
    environment+=("EMBER_TEST_TOOL=$tool")
    [[ -z $dtypes ]] || environment+=("EMBER_TEST_DTYPES=$dtypes")
  fi
  if [[ -n $dry_run ]]; then
    echo "${environment[*]} ${command[*]@Q}"
    return
  fi
  if [[ -n $deadline ]]; then
    local left=$((deadline - (SECONDS - begin)))
    ((left < time)) && time=$left
    if ((time <= 0)); then
      {
        echo "3 0 0"
        row "$tool" "$name" 0 "" "not begun before the deadline"
      } > "$log.row"
      return
    fi
  fi
  env "${environment[@]}" timeout --kill-after=10 "$time" "${command[@]}" > "$log.log" 2>&1
  code=$?
  counts=$(counts_of "$log.log")
  case $code in
    0) outcome=passed ;;
    99) outcome="errors: $(grep -cE '^========= (Invalid|Error|Uninitialized|Race|Barrier|Program hit)' "$log.log")" ;;
    124 | 137) outcome="ended after $time s" ;;
    *) outcome="exit $code" ;;
  esac
  if ((code == 0)) && grep -q '^========= Internal Sanitizer Error' "$log.log"; then
    code=98 outcome="launches were not looked at"
  fi
  if ((code == 0)) && [[ $tool != none && $counts == "${counts%% *} ran, ${counts%% *} skipped"* ]]; then
    code=97 outcome="every test was skipped"
  fi
  ((code == 124 || code == 137)) || echo "seconds $((SECONDS - start))" > "$log.seconds"
  {
    echo "$code ${counts//[^0-9 ]/}"
    row "$tool" "$name" $((SECONDS - start)) "$counts" "$outcome"
  } > "$log.row"
  echo "$((SECONDS - begin)) s  $(sed 1d "$log.row")" >&2  # what there is, should all of this be ended
  ((code == 0)) || { echo "== $tool, $name: $outcome" && tail -n 40 "$log.log"; } >&2
}

for i in "${order[@]}"; do
  rm -f "$(log_of "$i").row"
  if [[ -n $dry_run ]]; then
    run_one "$i"
    continue
  fi
  while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
  echo "$((SECONDS - begin)) s  ${task_tool[i]}: ${task_name[i]}" >&2
  run_one "$i" &
done
[[ -z $dry_run ]] || exit 0
wait

status=0
unskipped=0
printf '\n%-10s  %-36s  %8s  %-36s  %s\n' tool tests time counts outcome
for i in "${!task_tool[@]}"; do
  file=$(log_of "$i").row
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
echo "$((SECONDS - begin)) s in all"
if ((status == 0 && unskipped <= 0)); then
  echo "every test was skipped"
  status=1
fi
exit "$status"
