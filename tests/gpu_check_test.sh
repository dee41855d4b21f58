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

# $fault says what goes wrong.
cat >"$fakes/magnu" <<'SH'
#!/usr/bin/env bash
set -euo pipefail
[ "$1" = scan ] || exec cat "$template/info"
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
[ "${fault:-}" != slow ] || exec sleep 60
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
  *) echo '[  PASSED  ] 11 tests.' ;;
esac
SH

# The program runs under it as under the real one.
cat >"$path/compute-sanitizer" <<'SH'
#!/usr/bin/env bash
tool=$2
shift 4
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
printf '#!/bin/sh\necho 580.65.06\n' >"$path/nvidia-smi"
printf '#!/bin/sh\necho glibc "${standin_glibc:-2.41}"\n' >"$path/getconf"
chmod +x "$fakes"/* "$path"/*
export PATH=$path:$PATH TMPDIR=$scratch/tmp
mkdir "$TMPDIR"
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
standin_glibc=2.35 expect 2 --program fakes --out records
holds 'this machine has glibc 2.35; the program needs 2.36 or later' err
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
mkdir bare
cp fakes/magnu_tests bare
ln -s "$magnu" bare/magnu
CUDA_VISIBLE_DEVICES='' expect 2 --program bare --out records
holds 'gpu-check: no CUDA device; magnu info says: ' err
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
[ ! -e records ] || fail 'something was written'
[ ! -s out ] || fail "on standard output: $(cat out)"
: >file
expect 2 --program fakes --out file
holds 'file cannot be written' err

expect_record 0
holds '# NVIDIA Standin X1'
holds '`gpu-check` **passed** in '
holds '| driver | 580.65.06 |'
holds '| glibc | 2.41 |'
holds "| magnu | $("$magnu" info | sed -n 's/^magnu  *//p') |"
holds '| runs as | NVIDIA Standin X1, driver for CUDA 13.0, '
for step in conformance verification sanitizer times; do holds "| $step | passed | "; done
holds 'of the verification: 11 passed.'
for study in '200-tonne (401)' 'paper-counts (401)' 'paper (4001)' 'quick (4001)' largest; do
  for pair in 'cpu fast against cpu direct' 'cuda fast against cpu fast' 'cuda direct against cpu direct'; do
    grep -qE "^\| ${study//[()]/.} \| $pair \| [0-9.]+e-[0-9]+ \| [0-9.]+e-[0-9]+ \| [0-9.]+e[-+][0-9]+ \| 1e-09 \| ok \|$" \
      "$record" || fail "$study, $pair: $(cat "$record")"
  done
done
holds '| racecheck | RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings) | ok |'
holds '| direct | 40001 | 3 | 2.5 | 0.5 | 5 | 5 to 5 |'
holds '| fast | 4001 | 5 | 2.5 | 0.5 | 5 | 5 to 5 |'
lacks FAILED

fails_with test '| conformance | FAILED |' '3 passed, exit status 1.' \
  '- FAILED  `Backends/Conformance.SpectraOfBothEvaluations/cuda_electron_counts`'
fails_with skipped '- SKIPPED `Backends/Conformance.SpectraOfBothEvaluations/cuda_electron_counts`'
fails_with none 'of the verification: 0 passed.'
fails_with alone '| verification | FAILED |' '- quick: no comparison of a device with the CPU.'
fails_with deviation 'quick (4001) | cuda fast against cpu fast |' '| 3.2e-10 |' \
  'delta chi^2, cuda fast against cpu fast: 3.21e-10 at curve '
fails_with scan '`magnu scan` ended with exit status 1.' '| times | FAILED |'
fails_with sanitizer '| initcheck | ERROR SUMMARY: 2 errors | FAILED |' '| memcheck | ERROR SUMMARY: 0 errors | ok |'

# Its functions, with other surroundings.
(
  # shellcheck source=/dev/null
  source "$check"
  [ "$(printf '3\n1\n2\n' | median)" = '2 1 3' ] || fail 'median of three'
  [ "$(printf '4\n1\n2\n10\n' | median)" = '3 1 10' ] || fail 'median of four'
  # shellcheck disable=SC2317  # main calls it
  find_sanitizer() { return 1; }
  main --program fakes --out records >out 2>err
) || fail "without compute-sanitizer: $(cat err)"
record=$(cat out)
holds '| sanitizer | not run |'
holds 'There was no compute-sanitizer.'
holds '**passed**'

(
  # shellcheck source=/dev/null
  source "$check"
  # shellcheck disable=SC2034  # main reads it
  limit_seconds=1
  fault=slow main --program fakes --out records >out 2>err
) && fail 'out of time, and passed'
record=$(cat out)
holds '| verification | FAILED |'

# A signal ends it at once and leaves nothing.
rm -rf records
fault=slow "$check" --program fakes --out records >out 2>err &
sleep 1
kill -TERM $!
code=0
wait $! || code=$?
[ "$code" = 130 ] || fail "after a signal: exit status $code"
[ -z "$(ls -A records)$(ls -A "$TMPDIR")" ] || fail 'a signal leaves files'
