#!/usr/bin/env bash
# gpu_check_test.sh MAGNU SOURCE: scripts/gpu-check against programs that claim to have a device. Their
# study.json are the real program's, with its comparisons renamed.
# shellcheck disable=SC2016  # backticks in single quotes are Markdown
set -euo pipefail
magnu=$1 source=$2
check=$source/scripts/gpu-check
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
  printf 'gpu_check_test: %s\n' "$*" >&2
  exit 1
}

# --- the stand-ins ----------------------------------------------------------------------------

fakes=$scratch/fakes path=$scratch/path
export template=$scratch/template
mkdir "$fakes" "$path" "$template"
"$magnu" info | sed 's/^CUDA .*/CUDA           built in/' >"$template/info"
echo 'device 0       NVIDIA Standin X1 (40 GB), compute capability 9.0, 40960 MiB' >>"$template/info"
"$magnu" scan "$source/configs/quick.yaml" --backend cpu --verify --set mu_eff.points=5 --out "$scratch/real" -q
cp "$scratch/real/study.json" "$template"
[ "$(grep -c 'cpu fast against cpu direct' "$template/study.json")" = 3 ] || fail 'three comparisons were expected'

# Ends gpu-check, which runs a stand-in under two timeouts, with a signal.
cat >"$fakes/end_it" <<'SH'
#!/usr/bin/env bash
process=$PPID
while read -r _ name _ parent _ <"/proc/$process/stat"; [[ $name != *gpu-check* ]] && [ "$parent" != 1 ]; do
  tr '\0' ' ' <"/proc/$process/cmdline" | grep -q 'bash [^ ]*/gpu-check ' && break
  process=$parent
done
kill -s "$1" "$process"
SH

# $fault says what goes wrong.
cat >"$fakes/magnu" <<'SH'
#!/usr/bin/env bash
set -euo pipefail
if [ "$1" != scan ]; then
  case ${fault:-} in
    unusable) sed '/^device/s/$/; not usable: no code/; s/^CUDA .*/CUDA   built in; no usable device: no code/' "$template/info" ;;
    second) sed '/^device/{h; s/$/; not usable: no code/; p; g; s/^device 0/device 1/; s/X1/X2/}' "$template/info" ;;
    *) cat "$template/info" ;;
  esac
  exit
fi
config=$2 backend='' out='' verify=''
while [ $# -gt 0 ]; do
  case $1 in
    --backend) backend=$2 ;;
    --out) out=$2 ;;
    --verify) verify=yes ;;
  esac
  shift
done
[ -f "$config" ] || exit 2
case ${fault:-} in
  slow) exec sleep 60 ;;
  slow-paper) [[ $config != */paper.yaml ]] || exec sleep 60 ;;
  slow-study) [[ $config != */dense.yaml || -z $verify ]] || exec sleep 60 ;;
  signal-*)
    if [[ $config == */design-map.yaml ]]; then
      "$(dirname "$0")/end_it" "${fault#signal-}"
      [ "$fault" = signal-KILL ] || exec sleep 60
    fi
    ;;
esac
[ "${fault:-}" != scan ] || { echo 'magnu: error: CUDA, launch: no kernel image' >&2; exit 1; }
mkdir -p "$out"
seconds=2.5
[ "$backend" = cpu ] || seconds=0.5
{
  sed '/^  "verification": \[/,$d' "$template/study.json" | sed "
    s/^  \"backend\": .*/  \"backend\": \"$backend\",/
    s/^  \"device\": .*/  \"device\": \"NVIDIA Standin X1, driver for CUDA 13.0\",/
    s/^  \"wall_seconds\": .*/  \"wall_seconds\": $seconds,/"
  if [ -n "$verify" ]; then
    echo '  "verification": ['
    pairs='cpu fast against cpu direct'
    [ "${fault:-}" = alone ] || pairs="$pairs
cuda fast against cuda direct
cuda fast against cpu fast
cuda direct against cpu direct"
    first=yes
    while read -r pair; do
      [ -n "$first" ] || echo '    ,'
      first=''
      sed -n '/^  "verification": \[/,/^  \]/p' "$template/study.json" | sed "1d; \$d; s/cpu fast against cpu direct/$pair/"
    done <<<"$pairs"
    printf '  ]\n}\n'
  else
    printf '  "verification": null\n}\n'
  fi
} >"$out/study.json"
if [ -n "$verify" ] && [ "${fault:-}" = deviation ]; then
  awk '/"comparison":/ { here = /delta chi.2, cuda fast against cpu fast/ }
    here { sub(/"largest_deviation": .*/, "\"largest_deviation\": 3.21e-10,"); sub(/"passed": true/, "\"passed\": false") }
    { print }' "$out/study.json" >"$out/changed"
  mv "$out/changed" "$out/study.json"
  exit 1
fi
SH

cat >"$fakes/magnu_tests" <<'SH'
#!/usr/bin/env bash
[ -d "$MAGNU_SOURCE_DIR/configs" ] && [ -x "$MAGNU_PROGRAM" ] || exit 1
echo '[ RUN      ] Backends/Conformance.SpectraOfBothEvaluations/cuda_electron_counts'
case ${fault:-} in
  skipped)
    echo '[  SKIPPED ] Backends/Conformance.SpectraOfBothEvaluations/cuda_electron_counts (0 ms)'
    echo '[  PASSED  ] 3 tests.'
    echo '[  SKIPPED ] 1 test, listed below:'
    echo '[  SKIPPED ] Backends/Conformance.SpectraOfBothEvaluations/cuda_electron_counts'
    ;;
  none) echo '[  PASSED  ] 0 tests.' ;;
  test)
    echo '[  PASSED  ] 3 tests.'
    echo '[  FAILED  ] 1 test, listed below:'
    echo '[  FAILED  ] Backends/Conformance.SpectraOfBothEvaluations/cuda_electron_counts, where GetParam() = (cuda, "electron", 0)'
    exit 1
    ;;
  slow-tests)
    echo '[       OK ] Backends/Conformance.SpectraOfBothEvaluations/cuda_electron_counts (1 ms)'
    echo '[ RUN      ] Backends/Conformance.Limits/cuda_nuclear_counts'
    exec sleep 60
    ;;
  *) echo '[  PASSED  ] 11 tests.' ;;
esac
SH

# The program runs under it as under the real one.
cat >"$path/compute-sanitizer" <<'SH'
#!/usr/bin/env bash
tool=$2
shift 4
[ "${fault:-}-$tool" != slow-tests-memcheck ] || exec sleep 60
"$@" || exit
echo '========= COMPUTE-SANITIZER'
if [ "$tool" = racecheck ]; then
  echo '========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)'
elif [ "$tool" = initcheck ] && [ "${fault:-}" = sanitizer ]; then
  echo '========= ERROR SUMMARY: 2 errors'
  exit 99
else
  echo '========= ERROR SUMMARY: 0 errors'
fi
SH

# Profiles what it is asked for, with its real columns. A path and a host are in them.
cat >"$fakes/ncu" <<'SH'
#!/usr/bin/env bash
[ -d "$TMPDIR" ] && [ "$TMPDIR" != "${real_tmpdir:-}" ] || exit 3
metrics='' kernel='' base=function count=0
while [[ $1 == --* ]]; do
  case $1 in
    --metrics) metrics=$2 ;;
    --kernel-name) kernel=${2#regex:} ;;
    --kernel-name-base) base=$2 ;;
    --launch-count) count=$2 ;;
    --csv) shift && continue ;;
  esac
  shift 2
done
echo '==PROF== Connected to process 4711 (/home/someone/magnu)'
if [ "${fault:-}" = permission ]; then
  echo '==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access NVIDIA GPU Performance Counters on the' \
    'target device 0. For instructions on enabling permissions see https://developer.nvidia.com/ERR_NVGPUCTRPERM'
  "$@"
  exit 1
fi
"$@" || { echo '==ERROR== The application returned an error code (1).'; exit 1; }
[ "$base" = demangled ] || exit 1
case " $* " in
  *dense.yaml*' --evaluation direct '*) body='SumCells<(int)4, (bool)1>' ;;
  *oscillation-map.yaml*) body=SampleSurvival ;;
  *) exit 1 ;;
esac
name="void magnu::run_body<magnu::$body>(T1, unsigned long)"
[[ $name =~ ^$kernel$ ]] || { echo '==WARNING== No kernels were profiled.'; exit 0; }
echo '"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device",'"\
"'"CC","Section Name","Metric Name","Metric Unit","Metric Value"'
for ((n = 0; n < count; ++n)); do
  for metric in ${metrics//,/ }; do
    value=7$n.25
    [[ $metric == *fp64* ]] || value=8$n.50
    echo "\"$n\",\"4711\",\"magnu\",\"host/X\",\"$name\",\"1\",\"7\",\"(128, 1, 1)\",\"(9, 1, 1)\",\"0\",\"9.0\",\"/x\",\"$metric\",\"%\",\"$value\""
  done
done
SH
printf '#!/bin/sh\necho 580.65.06\n' >"$path/nvidia-smi"
printf '#!/bin/sh\necho glibc "${standin_glibc:-2.41}"\n' >"$path/getconf"
chmod +x "$fakes"/* "$path"/*
export PATH=$path:$PATH TMPDIR=$scratch/tmp
mkdir "$TMPDIR"
export real_tmpdir=$TMPDIR
mv "$fakes/ncu" "$path"
cd "$scratch"

# --- the cases --------------------------------------------------------------------------------

# expect CODE ARGUMENTS...: runs gpu-check; its streams are in out and err, no temporary file is left.
expect() {
  local wanted=$1 code=0
  shift
  rm -rf records
  "$check" "$@" >out 2>err || code=$?
  [ "$code" = "$wanted" ] || fail "${fault:-}: exit status $code for $*: $(cat err)"
  [ -z "$(ls -A "$TMPDIR")" ] || fail "${fault:-}: temporary files are left"
}
expect_record() {
  expect "$1" --program fakes --out records
  record=$(cat out)
  [ "$(ls -A records)" = "$(basename "$record")" ] || fail "${fault:-}: records holds $(ls -A records)"
  [[ $(basename "$record") =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}-standin-x1-40-gb\.md$ ]] || fail "the record is named $record"
  ! grep -nE '(^|[^A-Za-z0-9_.])/[A-Za-z]' "$record" || fail "${fault:-}: a path is in the record"
}
holds() { grep -qF -- "$1" "${2:-$record}" || fail "${fault:-}: '$1' is missing in: $(cat "${2:-$record}")"; }
# The steps of a record's table are all there and in order.
in_order() {
  [ "$(sed -nE 's/^\| ([a-z0-9]+) \| (passed|FAILED|not run|cut|out of time) \| [0-9]* ?\|$/\1/p' "$1" | tr '\n' ' ')" = \
    "$steps " ] || fail "${fault:-}: steps in $(cat "$1")"
}
lacks() { ! grep -F -- "$1" "$record" || fail "${fault:-}: '$1' in the record"; }
fails_with() {
  export fault=$1
  shift
  expect_record 1
  holds '`gpu-check` **FAILED** in '
  for text in "$@"; do holds "$text"; done
  unset fault
}

expect 0 --help
holds 'Usage: gpu-check' out
expect 2 --nonsense
expect 2 --out
expect 2 --program nowhere
holds 'nowhere holds no magnu' err

# Refused before anything is written.
standin_glibc=2.1 expect 2 --program fakes --out records
holds 'this machine has glibc 2.1; the program needs 2.' err
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
mkdir bare
cp fakes/magnu_tests bare
ln -s "$magnu" bare/magnu
CUDA_VISIBLE_DEVICES='' expect 2 --program bare --out records
holds 'gpu-check: no CUDA device; magnu info says: ' err
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
[ ! -e records ] || fail 'something was written'
[ ! -s out ] || fail "on standard output: $(cat out)"
fault=unusable expect 2 --program fakes --out records
holds 'gpu-check: no usable CUDA device; magnu info says: built in; no usable device: no code' err
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
[ ! -e records ] || fail 'something was written for an unusable device'
: >file
expect 2 --program fakes --out file
holds 'file cannot be written' err

expect_record 0
holds '# NVIDIA Standin X1'
holds '`gpu-check` **passed** in '
holds '| driver | 580.65.06 |'
holds '| glibc | 2.41 |'
holds "| magnu | $("$magnu" info | sed -n 's/^magnu  *//p') |"
holds ', the device as NVIDIA Standin X1, driver for CUDA 13.0, '
steps='device conformance paper maps studies times fp64 sanitizer'
in_order "$record"
[ "$(sed -n 's/^## //p' "$record" | tr '\n' ' ')" = 'Device Conformance Paper Maps Studies Times Fp64 Sanitizer ' ] ||
  fail "sections: $(grep '^## ' "$record")"
for step in $steps; do holds "| $step | passed | "; done
holds 'of the verification: 11 passed.'
for study in '200-tonne (401)' 'paper-counts (401)' 'paper (4001)' 'quick (4001)' largest; do
  for pair in 'cpu fast against cpu direct' 'cuda fast against cpu fast' 'cuda direct against cpu direct'; do
    grep -qE "^\| ${study//[()]/.} \| $pair \| [0-9.]+e-[0-9]+ \| [0-9.]+e-[0-9]+ \| [0-9.]+e[-+][0-9]+ \| 1e-09 \| ok \|$" \
      "$record" || fail "$study, $pair: $(cat "$record")"
  done
done
for map in design-map oscillation-map threshold-map; do
  [ "$(sed -n '/^## Maps/,/^## Studies/p' "$record" | grep -c "^| $map (101) | cuda .*| ok |$")" = 3 ] || fail "$map"
done
[ "$(sed -n '/^## Paper/,/^## Maps/p' "$record" | grep -c '^| [a-z]')" = 5 ] || fail "in Paper: $(cat "$record")"
holds '| SumCells<4, 1> | 3 | 71.2 (70.2 to 72.2) | 81.5 (80.5 to 82.5) |'
holds '| SampleSurvival | 3 | 71.2 (70.2 to 72.2) | 81.5 (80.5 to 82.5) |'
holds '| synccheck | ERROR SUMMARY: 0 errors | ok |'
holds '| racecheck | RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings) | ok |'
holds '| direct | 40001 | 3 | 2.5 | 0.5 | 5 | 5 to 5 |'
holds '| fast | 4001 | 5 | 2.5 | 0.5 | 5 | 5 to 5 |'
lacks FAILED

fails_with test '| conformance | FAILED |' '3 passed, exit status 1.' \
  '- FAILED  `Backends/Conformance.SpectraOfBothEvaluations/cuda_electron_counts`'
fails_with skipped '- SKIPPED `Backends/Conformance.SpectraOfBothEvaluations/cuda_electron_counts`'
fails_with none 'of the verification: 0 passed.'
fails_with alone '| studies | FAILED |' '| paper | FAILED |' '- quick: no comparison of a device with the CPU.'
fails_with deviation 'quick (4001) | cuda fast against cpu fast |' '| 3.2e-10 |' \
  'delta chi^2, cuda fast against cpu fast: 3.21e-10 at curve '
fails_with scan '`magnu scan` ended with exit status 1.' '| times | FAILED |' '| SumCells | FAILED, exit status 1 | | |'
fails_with sanitizer '| initcheck | ERROR SUMMARY: 2 errors | FAILED |' '| memcheck | ERROR SUMMARY: 0 errors | ok |'

# Its functions, with other surroundings.
(
  # shellcheck source=/dev/null
  source "$check"
  [ "$(printf '3\n1\n2\n' | median)" = '2 1 3' ] || fail 'median of three'
  [ "$(printf '4\n1\n2\n10\n' | median)" = '3 1 10' ] || fail 'median of four'
  # shellcheck disable=SC2317  # main calls it
  find_tool() { return 1; }
  fault=second main --program fakes --out records >out 2>err
) || fail "without tools of CUDA: $(cat err)"
record=$(cat out)
[[ $record = *-standin-x2-40-gb.md ]] || fail "the usable device is another one: $record"
in_order "$record"
for text in '| sanitizer | not run |' 'There was no compute-sanitizer.' '| fp64 | not run |' 'There was no ncu.' '**passed**'; do
  holds "$text"
done

# No permission to profile is no failure.
export fault=permission
expect_record 0
unset fault
holds '| fp64 | not run |'
holds '| SumCells | not run: ERR_NVGPUCTRPERM - The user does not have permission to access NVIDIA GPU'
lacks 'For instructions'

# What hangs has its share, and what comes after it is run and recorded. hangs FAULT STEP=SHARE...
hangs() {
  local code=0
  export fault=$1
  rm -rf records
  (
    # shellcheck source=/dev/null
    source "$check"
    # shellcheck disable=SC2034,SC2154  # main reads it
    shares[device]=0
    for share in "${@:2}"; do shares[${share%=*}]=${share#*=}; done
    main --program fakes --out records >out 2>err
  ) || code=$?
  [ "$code" = 1 ] || fail "$fault: exit status $code: $(cat err)"
  record=$(cat out)
  [ "$(ls -A records)" = "$(basename "$record")" ] || fail "$fault: records holds $(ls -A records)"
  in_order "$record"
  holds '`gpu-check` **FAILED** in '
}
hangs slow-tests device=2 conformance=1 paper=12 maps=2 studies=2 times=2 fp64=2 sanitizer=2
for text in '| conformance | out of time |' '1 passed, out of time in `Backends/Conformance.Limits/cuda_nuclear_counts`.' \
  '| paper | passed |' '| studies | passed |' '| times | passed |' '| fp64 | passed |'; do
  holds "$text"
done
[ -z "$(ls -A "$TMPDIR")" ] || fail 'temporary files are left'
unset fault

# A signal cuts it short at once: what was found until then stays, and nothing else.
for signal in TERM INT KILL; do
  export fault=signal-$signal
  rm -rf records
  began=$SECONDS code=0
  "$check" --program fakes --out records >out 2>err || code=$?
  [ "$code" = "$([ "$signal" = KILL ] && echo 137 || echo 130)" ] || fail "$fault: exit status $code: $(cat err)"
  [ "$((SECONDS - began))" -lt 30 ] || fail "$fault: not at once"
  [ ! -s out ] || fail "$fault: on standard output: $(cat out)"
  [[ $(ls -A records) =~ ^20[0-9-]{8}-standin-x1-40-gb\.partial\.md$ ]] || fail "$fault: records holds $(ls -A records)"
  record=records/$(ls records)
  in_order "$record"
  for text in '| conformance | passed | ' '| paper | passed | ' '| maps | cut | |' '| studies | not run | |' \
    '| sanitizer | not run | |' '| driver | 580.65.06 |' '11 passed.' '| paper (4001) | cuda fast against cpu fast |'; do
    holds "$text"
  done
  [ "$(grep -c '| cut |' "$record")" = 1 ] || fail "$fault: more than one step was cut"
  lacks '**passed**'
  if [ "$signal" = KILL ]; then
    holds '`gpu-check` **unfinished**: maps was running after '
    rm -rf "${TMPDIR:?}"/*
  else
    holds "\`gpu-check\` **cut** by SIG$signal after "
    holds ' s, maps was running.'
    holds "gpu-check: cut by SIG$signal; what was found is in $record" err
    [ -z "$(ls -A "$TMPDIR")" ] || fail "$fault: temporary files are left"
  fi
done
unset fault
