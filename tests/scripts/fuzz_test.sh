#!/usr/bin/env bash
# scripts/fuzz in a tree of stand-ins: what it builds and runs, its table, what it says of findings, and the coverage.
# Then the real ones over their seeds, where they were built.
# shellcheck disable=SC2016  # the stand-ins expand their own variables
set -euo pipefail
rm -rf tree bin && mkdir -p tree/scripts tree/bin tree/tests/fuzz/seeds/{npy,pth} tree/io bin
cp "$LINNET_SOURCE_DIR/scripts/fuzz" tree/scripts/
printf '# parsers\nio/npy.cpp\nio/zip.h\n' > tree/tests/fuzz/parsers.txt

stand_in() {
  printf '#!/bin/bash\n%s\n' "$2" > "$1"
  chmod +x "$1"
}
stand_in bin/clang++ ''
stand_in bin/cmake 'echo "cmake $*" >> cmake.log && [[ -z $NO_BUILD ]] || { echo "no such thing" && exit 1; }
[[ $1 == --build ]] || exit 0
mkdir -p "$2/bin" && cp bin/linnet_fuzzer "$2/bin/"'
stand_in tree/bin/linnet_fuzzer 'echo "$LINNET_FUZZ for $LINNET_FUZZ_CPU_SECONDS s: $*; $ASAN_OPTIONS; ${TMPDIR##*/}"
touch "${TMPDIR:-.}/left"
if [[ $LINNET_FUZZ == "$FAILING" ]]; then
  echo "==5==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x5"
  echo "SUMMARY: AddressSanitizer: heap-buffer-overflow io/npy.cpp:5"
  echo "artifact_prefix=; Test unit written to build/fuzz/findings/npy-crash-1"
  exit 77
fi
echo "stat::number_of_executed_units: 1234"
echo "stat::peak_rss_mb:              77"'
stand_in bin/llvm-profdata-99 'echo "profdata $*" >> llvm.log'
stand_in bin/llvm-cov-99 'echo "cov $*" >> llvm.log
[[ -z $NO_LINES ]] || exit 0
for file in "$PWD/io/npy.cpp" "$PWD/io/zip.h"; do
  printf "%s:\n    1|       |// words\n    2|  1.2k|int f() {\n    3|      0|  return a | b;\n    4|     12|}\n\n" "$file"
done'

# run STATUS [OPTION...]: runs fuzz, checks its exit status and leaves what it printed in `output`.
# shellcheck source=tests/scripts/checks.sh
. "$LINNET_SOURCE_DIR/tests/scripts/checks.sh"
run() {
  local expected=$1
  shift
  rm -f tree/cmake.log tree/llvm.log
  ends "$expected" env PATH="$PWD/bin:$PATH" NO_BUILD="${NO_BUILD:-}" NO_LINES="${NO_LINES:-}" \
    FAILING="${FAILING:-}" FUZZ_JOBS=2 tree/scripts/fuzz "$@"
  output=$(tr -s ' ' <<< "$output")
}
logged() { grep -qF -- "$1" "tree/$2" || fail "expected in $2: $1; it is $(cat "tree/$2")"; }

# ---- a run
run 0 0.5
says "npy 1234 "
says "pth 1234 "
says " 77 nothing found"
logged "cmake --preset fuzz" cmake.log
logged "npy for 30 s: -runs=10000000 -max_total_time=360 " build/fuzz/logs/npy
logged "-rss_limit_mb=256" build/fuzz/logs/npy
logged "-dict=tests/fuzz/dictionaries/npy" build/fuzz/logs/npy
logged "/build/fuzz/corpus/npy tests/fuzz/seeds/npy tests/fixtures/numpy;" build/fuzz/logs/npy
logged "tests/fuzz/seeds/pth tests/golden/pth;" build/fuzz/logs/pth
logged "detect_leaks=1" build/fuzz/logs/pth
[[ -d tree/build/fuzz/corpus/pth ]] || fail "there is no corpus"
run 0 10 --runs 5 npy
logged "npy for 600 s: -runs=5 " build/fuzz/logs/npy
keeps_from "pth"
[[ -z $(find /dev/shm "${TMPDIR:-/tmp}" -path '*linnet-fuzz-*/npy/left' 2> /dev/null) ]] || fail "scratch files are left"

# ---- findings
FAILING=npy run 1 1
says "npy 0 "
says "FOUND: "
says "AddressSanitizer: heap-buffer-overflow"
says "again: LINNET_FUZZ=npy build/fuzz/bin/linnet_fuzzer build/fuzz/findings/npy-crash-1; the log: build/fuzz/logs/npy"
says "pth 1234 "
FAILING=npy run 0 1 pth
NO_BUILD=1 run 1 1
says "no such thing"
keeps_from "executions"

# ---- coverage
run 1 --coverage
says " 66.7 % 2 of 3 io/npy.cpp
 66.7 % 2 of 3 io/zip.h
 66.7 % 4 of 6 lines of the parsers"
keeps_from "missed"
logged "-fprofile-instr-generate" cmake.log
logged "profdata merge -sparse" llvm.log
logged "/tree/io/npy.cpp $PWD/tree/io/zip.h" llvm.log
run 0 --coverage --at-least 66.6 --missed
says "missed io/npy.cpp:3: return a | b;
missed io/zip.h:3: return a | b;"
NO_LINES=1 run 1 --coverage
says "llvm-cov gave no lines"

# ---- words
run 0 --help
says "scripts/fuzz MINUTES"
run 2
says "how many minutes?"
for minutes in 0 0.0 x 1x -1 .; do run 2 "$minutes"; done
run 2 1 gif
says "there is no target gif; expected one of npy pth"
run 2 1 --runs
run 2 1 --runs 0
says "--runs needs a number"
run 2 --coverage --at-least x
says "--at-least needs a percentage"
run 2 --what
says "unknown option --what"

# What coverage counts is there; the real fuzzer, where it was built, finds nothing in its seeds.
cd "$LINNET_SOURCE_DIR"
while read -r file; do
  [[ $file == \#* || -f $file ]] || fail "tests/fuzz/parsers.txt: there is no $file"
done < tests/fuzz/parsers.txt
if [[ -x build/fuzz/bin/linnet_fuzzer ]]; then
  for folder in tests/fuzz/seeds/*; do
    output=$(LINNET_FUZZ=${folder##*/} build/fuzz/bin/linnet_fuzzer -runs=0 "$folder" 2>&1) || fail "${folder##*/}"
  done
fi
echo "fuzz_test: passed"
