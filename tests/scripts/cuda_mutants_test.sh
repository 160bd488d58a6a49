#!/usr/bin/env bash
# scripts/cuda-mutants: its table fits the sources; and, in a tree of stand-ins, what counts as killed, what it says of
# survivors and of a table that is wrong.
# shellcheck disable=SC2016  # the stand-ins expand their own variables
set -euo pipefail

"$LINNET_SOURCE_DIR/scripts/cuda-mutants" --list > list.log || {
  echo "FAILED: the table does not fit the sources"
  exit 1
}
(($(grep -c . list.log) >= 30)) || { echo "FAILED: the table is too short" && exit 1; }
for file in "$LINNET_SOURCE_DIR"/cuda/*.cu; do
  [[ $file == */probe.cu ]] || grep -q " cuda/${file##*/}" list.log ||
    { echo "FAILED: no mutant of ${file##*/}" && exit 1; }
done

rm -rf tree bin && mkdir -p tree/scripts tree/tests tree/cuda bin
cp "$LINNET_SOURCE_DIR/scripts/cuda-mutants" tree/scripts/
printf 'one\ntwo two\n  three;\n' > tree/cuda/a.cu
stand_in() {
  printf '#!/bin/bash\n%s\n' "$2" > "$1"
  chmod +x "$1"
}
stand_in bin/git 'find . -path ./build -prune -o -type f -printf "%P\0"'
stand_in tree/program 'echo "[ RUN      ] Some.Test"
text=$(cat build/mutants/source/cuda/a.cu)
case $text in
  *fails*) echo "[  FAILED  ] Some.Test (1 ms)" && exit 1 ;;
  *dies*) kill -SEGV $$ ;;
  *hangs*) exit 124 ;;
esac
echo "[  PASSED  ] 1 test."'
stand_in bin/cmake 'if [[ $1 != --build ]]; then exit; fi
if grep -q nonsense build/mutants/source/cuda/a.cu; then echo "a.cu: error: nonsense" && exit 1; fi
mkdir -p build/mutants/build/bin
cp program build/mutants/build/bin/linnet_unit_tests
cp program build/mutants/build/bin/linnet_parity_tests'

# run STATUS TABLE [OPTION...]: runs it over a table, checks its exit status and leaves what it printed in `output`.
# shellcheck source=tests/scripts/checks.sh
. "$LINNET_SOURCE_DIR/tests/scripts/checks.sh"
run() {
  local expected=$1
  printf '%s\n' "$2" > tree/tests/cuda_mutants.txt
  shift 2
  ends "$expected" env PATH="$PWD/bin:$PATH" tree/scripts/cuda-mutants "$@"
  output=$(tr -s ' ' <<< "$output")
}

killed=$'a.failing | bound | cuda/a.cu\n- one\n+ fails\na.dying | bound | cuda/a.cu\n- one\n+ dies\n'
killed+=$'a.hanging | bound | cuda/a.cu | 2 of 2\n- two\n+ hangs'
both=$killed$'\na.gone | barrier | cuda/a.cu\n- two two\n-   three;'

run 0 "$killed"
says "a.failing bound Some.Test"$'\n'
says "a.dying bound Some.Test, where the program ends"
says "a.hanging bound Some.Test, which hangs"
says "3 of 3 killed, 100 %"
cmp tree/cuda/a.cu tree/build/mutants/source/cuda/a.cu || fail "the copy was not put right"
cmp tree/program tree/build/mutants/source/program || fail "a file of the topmost folder was not copied"

run 1 "$both"
says "survived"
says "survivor a.gone (barrier) in cuda/a.cu"
says "3 of 4 killed, 75 %"
run 0 "$both" --at-least 75
run 0 "$both" --only failing
says "1 of 1 killed"
keeps_from "a.gone"

run 0 "$killed"$'\na.same | bound | cuda/a.cu\n- three\n+ 3\n= nobody counts'
says "equivalent"
says "nobody counts"
says "3 of 3 killed"
run 2 $'a.same | bound | cuda/a.cu\n- three\n+ fails\n= nobody counts'
says "the table calls it equivalent, and it is not: Some.Test"

# The table is held against the sources before anything is built.
run 2 $'a.lost | bound | cuda/a.cu\n- four\n+ five'
says "mutant a.lost: its text is in cuda/a.cu 0 times, not 1"
run 2 $'a.many | bound | cuda/a.cu\n- two\n+ five'
says "mutant a.many: its text is in cuda/a.cu 2 times, not 1"
run 2 $'a.idle | bound | cuda/a.cu\n- one\n+ one'
says "mutant a.idle changes nothing"
run 2 $'a.nowhere | bound | cuda/b.cu\n- one\n+ two'
says "there is no file cuda/b.cu"
run 2 $'a.twice | bound | cuda/a.cu\n- one\na.twice | bound | cuda/a.cu\n- three'
says "two mutants have one name"
run 2 $'a.vague\n- one'
says "tests/cuda_mutants.txt:1: expected 'name | kind | file'"
run 2 $'- one'
says "tests/cuda_mutants.txt:1: there is no mutant above"
run 2 $'a.broken | bound | cuda/a.cu\n- one\n+ nonsense'
says "it does not compile: a.cu: error: nonsense"
says "the table is wrong about a.broken"
run 2 "$killed" --only nothing
says "no mutant matches nothing"
run 2 "$killed" --at-least much
says "--at-least needs a number"
run 2 "$killed" --what
says "unknown option --what"

# Nothing is counted where the sources are broken to begin with.
echo fails >> tree/cuda/a.cu
run 2 "$killed"
says "the unbroken sources fail Some.Test"
keeps_from "killed"
echo "cuda_mutants_test: passed"
