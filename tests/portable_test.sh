#!/usr/bin/env bash
# portable_test.sh CMAKE BUILD: an installed portable build needs the C library and its libgcc_s alone, no younger
# than gpu-check says, and works from wherever it is copied to.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
cmake=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  printf 'portable_test: %s\n' "$*" >&2
  exit 1
}

"$cmake" --install "$build" --prefix "$work/installed" >/dev/null
mv "$work/installed" "$work/carried"
bin=$work/carried/bin
# shellcheck source=../scripts/gpu-check
needed=$(source "$bin/gpu-check" && echo "$glibc_needed")

for program in "$bin/magnu" "$bin/magnu_tests"; do
  name=$(basename "$program")
  libraries=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  [ -n "$libraries" ] || fail "$name: readelf names no library"
  # The last three of libc's are empty since glibc 2.34; libgcc_s comes with any glibc, which needs it to end threads.
  others=$(grep -vE '^(libc|libm|libgcc_s|libdl|librt|libpthread)\.so\.[0-9]+$|^ld-linux-[a-z0-9-]+\.so\.[0-9]+$' \
    <<<"$libraries") || true
  [ -z "$others" ] || fail "$name needs $others"
  # What it loads, libraries of libraries included.
  others=$(ldd "$program" | awk '{ print $1 }' |
    grep -vE '^(linux-vdso|libc|libm|libgcc_s|libdl|librt|libpthread)\.so|/ld-linux-') || true
  [ -z "$others" ] || fail "$name loads $others"
  ! readelf -d "$program" | grep -E 'RPATH|RUNPATH' || fail "$name looks for libraries in a folder"
  youngest=$(readelf -V "$program" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n 1)
  [ "$(printf '%s\n' "${youngest#GLIBC_}" "$needed" | sort -V | tail -n 1)" = "$needed" ] ||
    fail "$name needs $youngest, and gpu-check asks for $needed"
  # What gcc 11, the one of the oldest such systems, has.
  youngest=$(readelf -V "$program" | grep -oE 'GCC_[0-9.]+' | sort -Vu | tail -n 1)
  [ "$(printf '%s\n' "${youngest#GCC_}" 7.0.0 | sort -V | tail -n 1)" = 7.0.0 ] ||
    fail "$name needs $youngest of libgcc_s, more than gcc 11's"
done

# The environment wins over the folders compiled in.
tests='EffectiveYaml.*:Cli.HelpListAndInfoExitWithZero'
run_tests() { env "$@" "$bin/magnu_tests" --gtest_filter="$tests" >"$work/log" 2>&1; }
cd "$work"
run_tests MAGNU_SOURCE_DIR="carried/share/magnu" MAGNU_PROGRAM="carried/bin/magnu" ||
  fail "the tests fail away from their tree: $(tail -n 20 "$work/log")"
grep -q 'PASSED  \] 2 tests' "$work/log" || fail "not two tests"
! run_tests MAGNU_SOURCE_DIR="$work/nowhere" || fail "MAGNU_SOURCE_DIR is not heeded"
! run_tests MAGNU_PROGRAM=/bin/false || fail "MAGNU_PROGRAM is not heeded"

# gpu-check finds the programs, the studies and no device.
code=0
CUDA_VISIBLE_DEVICES='' "$bin/gpu-check" >"$work/log" 2>&1 || code=$?
[ "$code" = 2 ] || fail "gpu-check without a device: exit status $code"
grep -q '^gpu-check: no CUDA device' "$work/log" || fail "gpu-check says: $(cat "$work/log")"
