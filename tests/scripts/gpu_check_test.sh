#!/usr/bin/env bash
# scripts/gpu-check in a tree of stand-ins: which stages run and in which order, what is done about time, failures and
# missing tools, and what the summary says.
# shellcheck disable=SC2016  # the stand-ins expand their own variables
set -euo pipefail
rm -rf tree bin out && mkdir -p tree/scripts tree/bench tree/bin bin
cp "$LINNET_SOURCE_DIR/scripts/gpu-check" tree/scripts/
cp "$LINNET_SOURCE_DIR/bench/gpu_summary.py" "$LINNET_SOURCE_DIR/bench/compare.py" tree/bench/

stand_in() {
  printf '#!/bin/bash\n%s\n' "$2" > "$1"
  chmod +x "$1"
}
stand_in bin/nvidia-smi '[[ -z $NO_GPU ]] || { echo "No devices were found"; exit 6; }
case $* in -L) echo "GPU 0: NVIDIA Test" ;; *driver*) echo 555.1 ;; *) echo "NVIDIA Test" ;; esac'
stand_in bin/nvcc 'echo "Cuda compilation tools, release 12.6, V12.6.20"'
# Building puts the stand-ins of the programs where the programs go; NO_BUILD names those that do not compile.
stand_in bin/cmake 'echo "cmake $*"
[[ $1 == --build ]] || exit 0
mkdir -p build/cuda/bin && status=0
for program in linnet linnet_unit_tests linnet_parity_tests linnet_gpu_tests bench_workloads; do
  if [[ $NO_BUILD == *" $program "* ]]; then status=1; else cp "bin/$program" build/cuda/bin/; fi
done
exit $status'
stand_in bin/ctest 'echo "ctest $*"
if [[ -n $FAILING && $* == *"$FAILING"* ]]; then
  printf "The following tests FAILED:\n\t 12 - Some/Suite.Name 1/2 (Failed)    unit\n\t  3 - other.Suite (Timeout)\n"
  exit 8
fi
if [[ -n $SKIPPING ]]; then printf "The following tests did not run:\n\t  1 - gpu.CudaHardware (Skipped)\n"; fi'
stand_in bin/compute-sanitizer 'echo "sanitizer $* in $LINNET_DEVICE $LINNET_PARITY_SMALL $LINNET_CUDA_CACHE"
if [[ -n $NO_TESTS ]]; then echo "[==========] Running 0 tests from 0 test suites."; fi
echo "[ RUN      ] Ops/OnBoth.Case/7_add"
if [[ -n $FAILING && $* == *"$FAILING"*parity_tests* ]]; then
  echo "========= Invalid __global__ read of size 4 bytes"
  echo "========= ERROR SUMMARY: 1 error" && exit 9
fi
echo "========= ERROR SUMMARY: 0 errors"'
stand_in bin/python 'case $* in
  *"import torch; print"*) echo 2.5.1 ;;
  *"import sys, torch"*) [[ -n $TORCH ]] ;;
  *compare.py*) echo "python $*"; while (($# > 1)); do shift; done; echo "{\"torch\": [], \"results\": [1]}" > "$1" ;;
  *) exec python3 "$@" ;;
esac'
stand_in tree/bin/linnet 'echo "linnet $*"
if [[ -n $SLOW && $1 == doctor ]]; then sleep 30; fi
if [[ $1 == train ]]; then
  while [[ $1 != --out ]]; do shift; done
  mkdir -p "$2" && echo "{\"epochs\": [{\"epoch\": 3, \"test_accuracy\": $ACCURACY}]}" > "$2/history.json"
elif [[ -n $FAILING && $* == "$FAILING --device cuda" ]]; then
  printf "add     5  1.0  FAILS in 2\nmul     5  1.0  ok\n2 of 10 comparisons are beyond tolerance\n"
  exit 1
fi'
for program in linnet_unit_tests linnet_parity_tests linnet_gpu_tests; do stand_in "tree/bin/$program" 'true'; done
stand_in tree/bin/bench_workloads 'echo "bench $*" >&2
echo "{\"workload\": \"conv/simplecnn1/fwd\", \"variant\": \"direct\", \"ms\": 2.5}"'
mkdir -p out

# run STATUS [WORD...]: runs gpu-check, checks its exit status and leaves what it printed in `output`.
# shellcheck source=tests/scripts/checks.sh
. "$LINNET_SOURCE_DIR/tests/scripts/checks.sh"
run() {
  local expected=$1
  shift
  ends "$expected" env PATH="$PWD/bin:$PATH" PYTHON="$PWD/bin/python" NO_GPU="${NO_GPU:-}" \
    NO_BUILD=" ${NO_BUILD:-} " FAILING="${FAILING:-}" SKIPPING="${SKIPPING:-}" SLOW="${SLOW:-}" \
    NO_TESTS="${NO_TESTS:-}" TORCH="${TORCH:-}" ACCURACY="${ACCURACY:-0.97}" LINNET_DATA="${LINNET_DATA:-}" \
    CMAKE_PREFIX_PATH="${CMAKE_PREFIX_PATH:-}" CUDACXX= CUDA_PATH= tree/scripts/gpu-check "$@"
}
log_says() { grep -qF -e "$2" "out/$1.log" || fail "expected in $1.log: $2; there is: $(cat "out/$1.log")"; }
# summary EXPRESSION VALUE: of the JSON, `s`; `r` holds the stages' results by name.
summary() {
  python3 -m json.tool out/summary.json > /dev/null || fail "summary.json is not JSON"
  local found
  found=$(python3 -c 'import json, sys
s = json.load(open("out/summary.json"))
stage = {entry["name"]: entry for entry in s["stages"]}
r = {name: entry["result"] for name, entry in stage.items()}
print(eval(sys.argv[1]))' "$1")
  [[ $found == "$2" ]] || fail "$1 is $found; expected $2"
}
unset LINNET_DATA

# ---- a whole run

CMAKE_PREFIX_PATH=/a:/b run 0 --commit abc out
summary '" ".join(r)' \
  "build doctor gpu unit operators parity train mnist model bench memcheck racecheck initcheck synccheck"
summary '{name for name, result in r.items() if result != "passed"}' "{'mnist'}"
summary 'r["mnist"]' "skipped: LINNET_DATA is not given"
summary 's["passed"], s["commit"], s["machine"]["gpu"], s["machine"]["driver"], s["machine"]["nvcc"]' \
  "(True, 'abc', 'NVIDIA Test', '555.1', '12.6.20')"
summary 's["machine"]["torch"]' "None"
summary 'stage["train"]["last_epoch"]["test_accuracy"]' "0.97"
summary 's["timings"]["results"][0]["ms"]' "2.5"
summary 'stage["memcheck"]["sanitizer"]' "['ERROR SUMMARY: 0 errors', 'ERROR SUMMARY: 0 errors']"
log_says build "cmake --preset cuda"
log_says build "-DCMAKE_CUDA_ARCHITECTURES=native -DLINNET_BUILD_TESTS=ON -DLINNET_BUILD_BENCHMARKS=ON"
log_says build "-DCMAKE_PREFIX_PATH=/a;/b"
log_says train "linnet train --model simple-cnn --dataset digits --epochs 3 --seed 0 --device cuda --out $PWD/out/run-"
log_says parity "linnet parity --device cuda"
log_says model "linnet parity --model $PWD/out/run-digits --device cuda"
log_says bench "bench --device cuda --threads 1 --only conv/simplecnn*,simplecnn/*,elementwise/adam* --algorithms auto,direct,"
log_says racecheck "in cuda 1 0"
log_says racecheck "linnet_unit_tests --gtest_filter=Cuda*"

LINNET_DATA=some/data run 0 --stage mnist --stage build out
summary '" ".join(r)' "build mnist"
log_says mnist "--data $PWD/some/data"
summary 's["timings"]' "None"
TORCH=1 run 0 --stage bench out
log_says bench "python bench/compare.py --linnet build/cuda/bin/bench_workloads --device cuda"
summary 's["timings"]["results"], s["machine"]["torch"]' "([1], '2.5.1')"

# ---- failures do not end it
FAILING='^unit' run 1 --stage unit --stage operators --stage synccheck out
says "gpu-check: FAILED: unit; logs"
summary 'r["unit"], stage["unit"]["failed_tests"]' \
  "('failed: exit status 8', ['Some/Suite.Name 1/2', 'other.Suite'])"
summary 's["passed"], r["operators"], r["synccheck"]' "(False, 'passed', 'passed')"
FAILING=initcheck run 1 --stage initcheck --stage synccheck out
summary 'r["synccheck"], stage["initcheck"]["failed_tests"]' "('passed', ['Ops/OnBoth.Case/7_add'])"
log_says initcheck "linnet_unit_tests"  # the second program ran all the same
FAILING=parity run 1 --stage parity out
summary 'stage["parity"]["failed_tests"], stage["parity"]["verdict"]' \
  "(['add'], '2 of 10 comparisons are beyond tolerance')"
SKIPPING=1 run 1 --stage gpu out
log_says gpu "tests were skipped, though there is a GPU"
summary 'stage["gpu"]["failed_tests"]' "['gpu.CudaHardware']"
SKIPPING=1 run 0 --stage unit out
NO_TESTS=1 run 1 --stage memcheck out
log_says memcheck "a filter matches no test"
ACCURACY=0.1 run 1 --stage train out
log_says train "test accuracy 0.1000; expected at least 0.9"

# What an earlier build left is not taken for this one's.
NO_BUILD="linnet linnet_gpu_tests" run 1 --stage build --stage doctor --stage gpu --stage unit --stage memcheck out
says "gpu-check: FAILED: build doctor gpu;"
log_says doctor "build/cuda/bin/linnet is not there: the stage build makes it"
summary 'r["unit"], r["memcheck"]' "('passed', 'passed')"
run 0 --stage build out

# ---- time
run 0 --limit 50 --stage doctor --stage bench --stage memcheck out
summary 'r["doctor"], r["bench"], r["memcheck"]' "('passed', 'passed', 'skipped: no time')"
[[ ! -e out/memcheck.log ]] || fail "a log of a stage that did not run"
SLOW=1 run 1 --limit 3 --stage doctor --stage unit out
summary 'r["doctor"].startswith("failed: stopped after"), r["unit"]' "(True, 'skipped: no time')"

# ---- tools that are missing
installed() { command -v "$1" > /dev/null || [[ -x /usr/local/cuda/bin/$1 ]]; }  # the real one
NO_GPU=1 run 3 out
says "there is no NVIDIA GPU here"
mv bin/compute-sanitizer bin/away
if ! installed compute-sanitizer; then
  run 0 --stage memcheck out
  summary 'r["memcheck"]' "skipped: no compute-sanitizer"
fi
mv bin/away bin/compute-sanitizer
mv bin/nvcc bin/away
if ! installed nvcc; then
  run 3 out
  says "there is no nvcc"
fi
mv bin/away bin/nvcc

# ---- words
rm -rf out
NO_GPU=1 run 0 --dry-run out
says "# racecheck"
says "compute-sanitizer --tool racecheck"
[[ ! -e out ]] || fail "a dry run made a folder"
NO_GPU=1 run 0 --dry-run --stage doctor out
says "+ build/cuda/bin/linnet doctor"
keeps_from "# build"
NO_GPU=1 run 0 --list
says "synccheck  the same: barriers"
NO_GPU=1 run 0 --help
says "--limit SECONDS"
run 2
says "OUTDIR is missing"
run 2 --limit
says "--limit needs a number of seconds"
run 2 --limit 0 out
says "--limit needs a number of seconds"
run 2 --stage what out
says "--stage needs one of build doctor gpu"
run 2 --stage
says "--stage needs one of"
run 2 --commit
says "--commit needs a text"
run 2 --what out
says "unknown option --what"
run 2 out other
says "one OUTDIR only; there are out and other"
echo "gpu_check_test: passed"
