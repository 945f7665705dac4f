# shellcheck shell=bash disable=SC2034
# Sourced by the scripts that build Ember on a machine as it comes: installs packages, configures, builds.
#
# Read from the environment:
#   EMBER_CMAKE_ARGS  more arguments for cmake's configuration, separated by spaces, such as -DEMBER_CUDA=OFF
#   EMBER_JOBS        jobs of the build at once; the number of cores, or what memory allows, unless set
#   EMBER_NO_INSTALL  if set, nothing is installed; what is missing is only named

say() { printf '==> %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# What building needs: a command and the package that has it, or a package alone.
EMBER_TOOLS=(g++:g++ cmake:cmake ninja:ninja-build)
EMBER_LIBRARIES=(libspdlog-dev libdnnl-dev libhwy-dev)
EMBER_MLP_LIBRARIES=(libcli11-dev nlohmann-json3-dev)
EMBER_TEST_TOOLS=(python3:python3 dot:graphviz)
EMBER_TEST_LIBRARIES=(libgtest-dev libgmock-dev libbenchmark-dev)

# install_missing ITEM...: installs what is not there. An item is PACKAGE, or COMMAND:PACKAGE when the command
# will do wherever it comes from.
install_missing() {
  local missing=() item
  for item in "$@"; do
    if [[ $item == *:* ]]; then
      command -v "${item%%:*}" >/dev/null || missing+=("${item#*:}")
    elif [[ $(dpkg-query -W -f='${db:Status-Status}' "$item" 2>/dev/null) != installed ]]; then
      missing+=("$item")
    fi
  done
  if ((${#missing[@]} == 0)); then
    say "Every package needed is installed"
    return
  fi
  if ! command -v apt-get >/dev/null; then
    say "No apt-get here; going on without installing (Debian's names of what may be missing: ${missing[*]})"
    return
  fi
  if [[ -n ${EMBER_NO_INSTALL:-} ]]; then
    die "packages are missing: ${missing[*]}"
  fi
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "packages are missing and this is not root; run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing ${missing[*]}${as_root:+ (with sudo)}"
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# Compiling takes up to about 2 GB a job.
build_jobs() {
  local jobs memory
  jobs=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 2000000) }' /proc/meminfo)
  ((memory >= 1)) || memory=1
  echo "${EMBER_JOBS:-$((jobs < memory ? jobs : memory))}"
}

# configure SOURCE BUILD ARGUMENT...: with ninja where it is and the folder has no other generator yet.
configure() {
  local source=$1 build=$2 generator=() more=()
  shift 2
  if [[ ! -e $build/CMakeCache.txt ]] && command -v ninja >/dev/null; then
    generator=(-G Ninja)
  fi
  read -r -a more <<<"${EMBER_CMAKE_ARGS:-}"
  say "Configuring in $build"
  cmake -S "$source" -B "$build" ${generator[@]+"${generator[@]}"} "$@" ${more[@]+"${more[@]}"}
}

# build FOLDER TARGET...: every target if none is named.
build() {
  local folder=$1
  shift
  say "Building in $folder, $(build_jobs) jobs at once"
  cmake --build "$folder" --parallel "$(build_jobs)" ${1:+--target "$@"}
}
