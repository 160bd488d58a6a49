#!/usr/bin/env bash
# scripts/cuda-coverage in a tree of stand-ins: which lines count, what it prints, and its exit status.
# shellcheck disable=SC2016  # the stand-ins expand their own variables
set -euo pipefail
rm -rf tree bin && mkdir -p tree/scripts tree/cuda tree/bin bin
cp "$LINNET_SOURCE_DIR/scripts/cuda-coverage" tree/scripts/
touch tree/cuda/kernel.cu tree/cuda/backend.cpp

stand_in() {
  printf '#!/bin/bash\n%s\n' "$2" > "$1"
  chmod +x "$1"
}
stand_in bin/cmake 'echo "cmake $*" && [[ -z $NO_BUILD ]] || exit 1
mkdir -p build/emulated-coverage/bin && cp bin/* build/emulated-coverage/bin/'
for program in linnet_unit_tests linnet_parity_tests; do
  stand_in "tree/bin/$program" 'echo "${0##*/} $GTEST_SHARD_INDEX of $GTEST_TOTAL_SHARDS $* on $LINNET_DEVICE"
[[ -z $FAILING || $0 != *"$FAILING"* || $GTEST_SHARD_INDEX == 0 ]]'
done
# Two sources and a header, which both include; files of other folders do not count.
stand_in bin/gcov 'for source in "$@"; do echo "$source"; done
[[ -z $NO_LINES ]] || { echo > empty.gcov; exit 0; }
cat > "cuda#kernel.cu.gcov" << "END"
        -:    0:Source:cuda/kernel.cu
        -:    1:// a comment
        3:    2:template <class T> int f(T x) {
        2*:    3:  return x > 0 ? x : -x;
    #####:    4:  if (a::b) throw Error("a : b");
------------------
int f<int>(int):
        3:    2:template <class T> int f(T x) {
    #####:    3:  return x > 0 ? x : -x;
    =====:    5:}
END
cat > "cuda#header.h.gcov" << "END"
        -:    0:Source:cuda/header.h
    #####:    7:inline int unused();
    #####:    8:inline int g();
END
cat > "other#cuda#header.h.gcov" << "END"
        -:    0:Source:cuda/header.h
        1:    8:inline int g();
END
cat > "cuda#emulator#include#api.h.gcov" << "END"
        -:    0:Source:cuda/emulator/include/api.h
    #####:    1:int emulated();
END
cat > "core#view.h.gcov" << "END"
        -:    0:Source:core/view.h
    #####:    1:int view();
END'

# run STATUS [OPTION...]: runs cuda-coverage, checks its exit status and leaves what it printed in `output`.
# shellcheck source=tests/scripts/checks.sh
. "$LINNET_SOURCE_DIR/tests/scripts/checks.sh"
run() {
  local expected=$1
  shift
  ends "$expected" env PATH="$PWD/bin:$PATH" CMAKE_BUILD_PARALLEL_LEVEL=2 NO_BUILD="${NO_BUILD:-}" \
    NO_LINES="${NO_LINES:-}" FAILING="${FAILING:-}" LINNET_DEVICE= tree/scripts/cuda-coverage "$@"
}

# ---- the table
run 1
says "  50.0 %     1 of    2  cuda/header.h
  50.0 %     2 of    4  cuda/kernel.cu
  50.0 %     3 of    6  lines of cuda/"
keeps_from "missed"
says "linnet_unit_tests 1 of 2 --gtest_brief=1 --gtest_filter=*Cuda* on "
says "linnet_parity_tests 0 of 2 --gtest_brief=1 --gtest_filter=*/Reference.*:*/Poisoned.*:*/OnBoth.* on cuda"
counters=build/emulated-coverage/CMakeFiles/linnet_cuda.dir
grep -q "/$counters/cuda/kernel.cu.gcno$" tree/build/emulated-coverage/coverage/gcov.log ||
  fail "gcov was not asked for kernel.cu"
run 0 --at-least 50
run 1 --at-least 50.1
run 0 --missed --at-least 0
says 'missed  cuda/header.h:7: inline int unused();
missed  cuda/kernel.cu:4:   if (a::b) throw Error("a : b");
missed  cuda/kernel.cu:5: }'

# ---- failures
NO_BUILD=1 run 1
says "cmake --preset emulated -B build/emulated-coverage -DLINNET_CUDA_COVERAGE=ON"
keeps_from "linnet_unit_tests"
for FAILING in unit parity; do
  run 1
  says "cuda-coverage: linnet_${FAILING}_tests failed"
  keeps_from "lines of cuda/"
done
FAILING=''
NO_LINES=1 run 1
says "gcov gave no lines"

# ---- words
run 0 --help
says "--at-least PERCENT"
run 2 --at-least
says "--at-least needs a percentage"
run 2 --at-least 9x
says "--at-least needs a percentage"
run 2 --what
says "unknown option --what"
echo "cuda_coverage_test: passed"
