# shellcheck shell=bash disable=SC2034  # those who source it read the lists
# Sourced by scripts/run, scripts/test and scripts/bench: installs what is missing, configures and builds.
# Says nothing on standard output; exits 2 where packages are missing and cannot be installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=${MAGNU_BUILD_DIR:-$root/build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
python=/usr/bin/python3
cxx=${CXX:-c++}  # as CMake chooses it; conda's has a name of its own
cxx=${cxx%% *}

# Debian package | what shows that it is there: a command, or a module of Python. Libraries are CMake's to
# find: CMakeLists.txt names their packages.
build_packages="
g++|$cxx
cmake|cmake
ninja-build|ninja
git|git
python3|python3
python3-matplotlib|import matplotlib
python3-h5py|import h5py
"
test_packages="
python3-scipy|import scipy
python3-yaml|import yaml
python3-h5netcdf|import h5netcdf
python3-xarray|import xarray
python3-jsonschema|import jsonschema
python3-venv|import ensurepip
"
# A scheduler to try scripts/submit on; without it the test says that it is skipped.
slurm_packages="
slurm-wlm|/usr/sbin/slurmctld
munge|/usr/sbin/munged
"
# clang with libFuzzer and the sanitizers, for scripts/fuzz.
fuzz_packages="
clang|clang++
"
for library in libclang-rt-14-dev=clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a libomp-14-dev=libomp.so; do
  compgen -G "/usr/lib/llvm-*/lib/${library#*=}" >/dev/null || fuzz_packages="${fuzz_packages}${library%%=*}|missing
"
done
bench_packages="
python3-numpy|import numpy
python3-scipy|import scipy
python3-yaml|import yaml
"

say() { printf 'magnu: %s\n' "$*" >&2; }

# The modules among "$@" that an interpreter lacks.
modules_missing() {
  local interpreter=$1
  shift
  "$interpreter" -c 'import importlib.util, sys
print(*(m for m in sys.argv[1:] if importlib.util.find_spec(m) is None))' "$@" 2>/dev/null || printf '%s' "$*"
}

# Chooses the Python that has the modules: the one named, Debian's, or the first on the PATH, as with conda.
# Sets python, and lacking to what Debian's lacks where none has all.
choose_python() {
  local other
  lacking=
  if [ -n "${MAGNU_PYTHON:-}" ]; then
    python=$(command -v "$MAGNU_PYTHON") || { say "MAGNU_PYTHON=$MAGNU_PYTHON is no program"; exit 2; }
    case $python in /*) ;; *) python=$PWD/$python ;; esac
    lacking=$(modules_missing "$python" "$@")
    [ -z "$lacking" ] || { say "MAGNU_PYTHON=$MAGNU_PYTHON lacks the modules $lacking"; exit 2; }
    return 0
  fi
  lacking=$(modules_missing /usr/bin/python3 "$@")
  [ -n "$lacking" ] || return 0
  other=$(command -v python3) || return 0
  if [ "$other" != /usr/bin/python3 ] && [ -z "$(modules_missing "$other" "$@")" ]; then
    # What a shim stands for, so that a change of directory does not change it.
    python=$("$other" -c 'import sys; print(sys.executable)')
    lacking=
  fi
}

# Those of the packages given that are missing, in the array missing.
find_missing() {
  local package sign modules=() lacking=''
  missing=()
  while IFS='|' read -r package sign; do
    [ "${sign#import }" = "$sign" ] || modules+=("${sign#import }")
  done <<<"$1"
  [ ${#modules[@]} = 0 ] || choose_python "${modules[@]}"
  while IFS='|' read -r package sign; do
    case $sign in
      '') ;;
      import\ *) [[ " $lacking " != *" ${sign#import } "* ]] || missing+=("$package") ;;
      *) [ -e "$sign" ] || command -v "$sign" >/dev/null || missing+=("$package") ;;
    esac
  done <<<"$1"
}

# Installs the packages given, or says that they are missing.
install() {
  [ $# -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    say "these packages are missing: $*"
    say "install them as root (on Debian 12: apt-get install $*) and run this again; libraries elsewhere, of an" \
      "environment module or conda, are found through CMAKE_PREFIX_PATH, Python modules through MAGNU_PYTHON"
    exit 2
  fi
  say "installing $*"
  local log
  log=$(mktemp)
  if ! { DEBIAN_FRONTEND=noninteractive apt-get update &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    say "the packages could not be installed: $*"
    exit 2
  fi
  rm -f "$log"
}

install_missing() {
  find_missing "$1"
  install "${missing[@]}"
}

# Libraries that dpkg does not know: what there is to ask before there are CMake and a compiler.
libraries_not_installed() {
  local package
  sed -nE 's/^ *(magnu_need\(|list\(APPEND missing_packages )([a-z0-9+.-]*[a-z0-9]).*/\2/p' "$root/CMakeLists.txt" |
    while read -r package; do
      [ "$package" != libbenchmark-dev ] || [[ ${MAGNU_CMAKE_FLAGS:-} == *MAGNU_BENCHMARKS=ON* ]] || continue
      dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        printf '%s\n' "$package"
    done
}

# What the build was configured for. The folder is part of it: a copied or moved build compiles the
# sources it was made from.
configuration() {
  printf 'source=%s build=%s nvcc=%s cxx=%s python=%s flags=%s' "$root" "$build" "$(command -v nvcc || true)" \
    "${CXX:-}" "$python" "${MAGNU_CMAKE_FLAGS:-}"
}

is_configured() {
  [ -f "$build/build.ninja" ] && [ "$(cat "$build/.configured" 2>/dev/null)" = "$(configuration)" ]
}

lock() {
  mkdir -p "$build"
  exec 9>"$build/.lock"
  flock 9
}

unlock() {
  flock -u 9
  exec 9>&-
}

# Packages that CMake did not find, from its log.
not_found() { sed -n 's/^-- magnu: missing packages: //p' "$build/build.log"; }

# 0 configured, 1 packages are missing; another failure ends it.
configure() {
  rm -f "$build/.configured"
  # shellcheck disable=SC2086  # the flags are words
  if ! cmake --fresh -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DMAGNU_PYTHON=$python" \
    ${MAGNU_CMAKE_FLAGS:-} >"$build/build.log" 2>&1; then
    [ -z "$(not_found)" ] || return 1
    tail -n 30 "$build/build.log" >&2
    say "configuring failed; the whole output is in $build/build.log"
    exit 1
  fi
  configuration >"$build/.configured"
  say "$(sed -n 's/^-- magnu: //p' "$build/build.log"); building, which takes a minute or two the first time"
}

# Whether the build can be written, or made.
is_ours() {
  local folder=$build
  while [ ! -e "$folder" ]; do folder=$(dirname "$folder"); done
  [ -w "$folder" ] && { [ ! -e "$build/.lock" ] || [ -w "$build/.lock" ]; }
}

# Whether somebody else's build holds a program of these sources.
is_current() {
  local made=$build/.built
  [ -x "$build/magnu" ] || return 1
  [ -f "$made" ] || made=$build/magnu
  grep -qsF "source=$root build=$build " "$build/.configured" || return 1
  [ -z "$(find "$root"/{CMakeLists.txt,host,include,kernels,data} "$root"/scripts/*.cmake -newer "$made" \
    -print -quit)" ]
}

expect_ours() {
  is_ours && return 0
  say "$build belongs to somebody else and cannot be written; $1"
  say "name a folder for a build of your own (MAGNU_BUILD_DIR=\$HOME/magnu-build), or let the owner build it" \
    "(scripts/run) or install it (umask 022; cmake --install build --prefix DIR; then DIR/bin/magnu)"
  exit 2
}

# Installs those of the packages given and of the libraries that are missing, and configures where that was
# not done for this place.
set_up() {
  local libraries=''
  find_missing "$1"
  if ! is_configured; then
    if command -v cmake >/dev/null && command -v ninja >/dev/null && command -v "$cxx" >/dev/null; then
      lock
      is_configured || configure || libraries=$(not_found)
      unlock
    else
      libraries=$(libraries_not_installed)
    fi
  fi
  # shellcheck disable=SC2086  # names of packages
  install "${missing[@]}" $libraries
  [ "${#missing[@]}" = 0 ] || find_missing "$1"  # the Python may be another one now
  is_configured && return 0
  lock
  if ! is_configured && ! configure; then
    say "CMake does not find what these packages hold: $(not_found); its output is in $build/build.log"
    exit 2
  fi
  unlock
}

build_target() {
  local log=$build/build.log
  lock
  touch "$build/.started"  # what is edited while it builds is younger than the build
  if ! cmake --build "$build" --target "$1" >"$log" 2>&1; then
    grep -vE '^\[|ptxas info' "$log" | tail -n 60 >&2
    say "building failed; the whole output is in $log"
    exit 1
  fi
  mv -f "$build/.started" "$build/.built"
  unlock
}
