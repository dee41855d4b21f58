# Sourced by scripts/run, scripts/test and scripts/bench: installs what is missing, configures and builds.
# Says nothing on standard output; exits 2 where packages are missing and cannot be installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${MAGNU_BUILD_DIR:-$root/build}

# Debian package | what shows that it is there (a command or a file)
build_packages="
g++|g++
cmake|cmake
ninja-build|ninja
git|git
libyaml-cpp-dev|/usr/include/yaml-cpp/yaml.h
libspdlog-dev|/usr/include/spdlog/spdlog.h
libfmt-dev|/usr/include/fmt/format.h
libcli11-dev|/usr/include/CLI/CLI.hpp
nlohmann-json3-dev|/usr/include/nlohmann/json.hpp
libhdf5-dev|/usr/include/hdf5/serial/hdf5.h
libxxhash-dev|/usr/include/xxhash.h
libgtest-dev|/usr/include/gtest/gtest.h
python3|/usr/bin/python3
python3-matplotlib|/usr/lib/python3/dist-packages/matplotlib
python3-h5py|/usr/lib/python3/dist-packages/h5py
"
test_packages="
python3-scipy|/usr/lib/python3/dist-packages/scipy
python3-yaml|/usr/lib/python3/dist-packages/yaml
python3-h5netcdf|/usr/lib/python3/dist-packages/h5netcdf
python3-xarray|/usr/lib/python3/dist-packages/xarray
python3-jsonschema|/usr/lib/python3/dist-packages/jsonschema
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
fuzz_runtime=$(ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a 2>/dev/null | head -n 1)
[ -n "$fuzz_runtime" ] || fuzz_packages="${fuzz_packages}libclang-rt-14-dev|$fuzz_runtime
"
bench_packages="
libbenchmark-dev|/usr/include/benchmark/benchmark.h
python3-numpy|/usr/lib/python3/dist-packages/numpy
python3-scipy|/usr/lib/python3/dist-packages/scipy
python3-yaml|/usr/lib/python3/dist-packages/yaml
"

say() { printf 'magnu: %s\n' "$*" >&2; }

# Installs those of the packages given that are missing.
install_missing() {
  local missing=() package sign
  while IFS='|' read -r package sign; do
    [ -n "$package" ] || continue
    [ -e "$sign" ] || command -v "$sign" >/dev/null || missing+=("$package")
  done <<<"$1"
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    say "these packages are missing: ${missing[*]}"
    say "install them as root (on Debian 12: apt-get install ${missing[*]}) and run this again"
    exit 2
  fi
  say "installing ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { DEBIAN_FRONTEND=noninteractive apt-get update &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    say "the packages could not be installed: ${missing[*]}"
    exit 2
  fi
  rm -f "$log"
}

# Builds a target, configuring first where that was not done with this nvcc.
build_target() {
  local wanted nvcc log=$build/build.log
  nvcc=$(command -v nvcc || true)
  wanted="nvcc=$nvcc flags=${MAGNU_CMAKE_FLAGS:-}"
  mkdir -p "$build"
  exec 9>"$build/.lock"
  flock 9
  if [ ! -f "$build/build.ninja" ] || [ "$(cat "$build/.configured" 2>/dev/null)" != "$wanted" ]; then
    # shellcheck disable=SC2086  # the flags are words
    if ! cmake --fresh -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      ${MAGNU_CMAKE_FLAGS:-} >"$log" 2>&1; then
      tail -n 30 "$log" >&2
      say "configuring failed; the whole output is in $log"
      exit 1
    fi
    printf '%s' "$wanted" >"$build/.configured"
    say "$(sed -n 's/^-- magnu: //p' "$log"); building, which takes a minute or two the first time"
  fi
  if ! cmake --build "$build" --target "$1" >"$log" 2>&1; then
    grep -vE '^\[|ptxas info' "$log" | tail -n 60 >&2
    say "building failed; the whole output is in $log"
    exit 1
  fi
  flock -u 9
  exec 9>&-
}
