#!/usr/bin/env bash
# setup_test.sh SOURCE: what scripts/run does in a new checkout, a copied or moved one, somebody else's, and where
# packages are missing, with a CMake that only claims to build. Exits with 77 where the part with a second account
# cannot be tried.
set -euo pipefail
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
unset MAGNU_BUILD_DIR MAGNU_CMAKE_FLAGS MAGNU_PYTHON CXX

fail() {
  printf 'setup_test: %s\n' "$*" >&2
  exit 1
}

# --- the stand-ins ------------------------------------------------------------------------------

tools=$work/tools calls=$work/calls
mkdir "$tools"
: >"$calls"
chmod 666 "$calls"
# It notes what it is asked for, and builds a program that says which sources it was made of.
cat >"$tools/cmake" <<SH
#!/usr/bin/env bash
set -euo pipefail
echo "\$*" >>"$calls"
if [ "\$1" = --build ]; then
  printf '#!/bin/sh\necho "program of %s: \$*"\n' "\$(cat "\$2/build.ninja")" >"\$2/magnu"
  chmod +x "\$2/magnu"
  exit
fi
while [ \$# -gt 0 ]; do
  case \$1 in -S) from=\$2 ;; -B) to=\$2 ;; esac
  shift
done
[ ! -e "$work/lacking" ] || { echo '-- magnu: missing packages: libcli11-dev'; exit 1; }
cat "\$from/host/which" >"\$to/build.ninja"
echo '-- magnu: a stand-in'
SH
for tool in ninja c++; do printf '#!/bin/sh\n' >"$tools/$tool"; done
chmod 755 "$tools"/*
export PATH=$tools:$PATH

first=$work/first
mkdir -p "$first"/{scripts,host,include,kernels,data}
cp "$source"/scripts/{run,setup.sh} "$first/scripts"
touch "$first/CMakeLists.txt" "$first/scripts/one.cmake"
echo one >"$first/host/which"

# run FOLDER CODE TEXT: scripts/run there; TEXT is in what it says.
run() {
  local code=0
  (cd "$work" && "${as[@]}" "$1/scripts/run" info) >"$work/said" 2>&1 </dev/null || code=$?
  [ "$code" = "$2" ] || fail "$1: exit status $code, not $2: $(cat "$work/said")"
  grep -qF -- "$3" "$work/said" || fail "$1: '$3' is missing in: $(cat "$work/said")"
}
as=()
configured() { grep -c -e '--fresh' "$calls" || true; }

# --- one's own ----------------------------------------------------------------------------------

run "$first" 0 'program of one: info'
[ "$(configured)" = 1 ] || fail "a new checkout is configured once, not $(configured) times"
run "$first" 0 'program of one: info'
[ "$(configured)" = 1 ] || fail 'a second run configures anew'
grep -q -e "-S $first -B $first/build" "$calls" || fail "other folders: $(cat "$calls")"
MAGNU_CMAKE_FLAGS=-DX=1 run "$first" 0 'program of one'
[ "$(configured)" = 2 ] || fail 'other flags are not noticed'

# A copy compiles its own sources, not those of where it was made.
second=$work/second
cp -a "$first" "$second"
echo two >"$second/host/which"
run "$second" 0 'program of two: info'
grep -q -e "-S $second -B $second/build" "$calls" || fail 'a copy is not configured for its own place'
third=$work/third
mv "$second" "$third"
echo three >"$third/host/which"
run "$third" 0 'program of three: info'

# A name behind a link is the same place.
before=$(configured)
ln -s "$third" "$work/link"
run "$work/link" 0 'program of three: info'
[ "$(configured)" = "$before" ] || fail 'a link to the checkout configures it anew'

# --- packages -----------------------------------------------------------------------------------

touch "$work/lacking"
rm -rf "$third/build"
printf '#!/bin/sh\nexit 1\n' >"$tools/apt-get"
chmod +x "$tools/apt-get"
if [ "$(id -u)" = 0 ]; then
  run "$third" 2 'the packages could not be installed: libcli11-dev'
else
  run "$third" 2 'these packages are missing: libcli11-dev'
fi
rm "$work/lacking"
run "$third" 0 'program of three: info'
MAGNU_PYTHON=/nowhere/python run "$third" 2 'MAGNU_PYTHON=/nowhere/python is no program'

# --- somebody else's ----------------------------------------------------------------------------

if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
  echo 'skipped: another account needs root and setpriv'
  exit 77
fi
as=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/)
before=$(wc -l <"$calls")
run "$third" 0 'program of three: info' # it is there, and current
[ "$(wc -l <"$calls")" = "$before" ] || fail 'somebody else builds'
own=$work/own
mkdir "$own"
chown 65534 "$own"
MAGNU_BUILD_DIR=$own/build run "$third" 0 'program of three: info'
sleep 0.02
echo newer >"$third/host/which"
run "$third" 2 'belongs to somebody else and cannot be written'
grep -q 'MAGNU_BUILD_DIR' "$work/said" || fail "it does not say what to do: $(cat "$work/said")"
[ "$(wc -l <"$work/said")" = 2 ] || fail "not two lines: $(cat "$work/said")"
rm -rf "$third/build"
run "$third" 2 'it holds no program of these sources'
[ ! -e "$third/build" ] || fail 'something was written'
touch "$work/lacking"
MAGNU_BUILD_DIR=$own/other run "$third" 2 'these packages are missing: libcli11-dev'
grep -q 'CMAKE_PREFIX_PATH' "$work/said" || fail "it does not name CMAKE_PREFIX_PATH: $(cat "$work/said")"
