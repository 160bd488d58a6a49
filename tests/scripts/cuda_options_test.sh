#!/usr/bin/env bash
# What LINNET_CUDA means for a build: ON without a toolkit stops the configure with a hint, a word that is none of
# the three names them, and a command built without CUDA has nothing of it linked in.
set -euo pipefail
fail() {
  echo "FAILED: $1"
  exit 1
}

# configure WORD: leaves what CMake said in `output`; no folder that holds an nvcc is searched.
mapfile -t ignored < <({ type -ap nvcc || true; ls /usr/local/cuda*/bin/nvcc /opt/cuda/bin/nvcc 2> /dev/null || true; } |
  xargs -r -n 1 dirname)
hidden=$(IFS=';' && echo "${ignored[*]}")
configure() {
  rm -rf build
  output=$(CXX=$(command -v c++) CUDACXX='' CUDA_PATH='' cmake -S "$LINNET_SOURCE_DIR" -B build -DLINNET_CUDA="$1" \
    -DLINNET_BUILD_TESTS=OFF -DLINNET_BUILD_BENCH=OFF -DCMAKE_IGNORE_PATH="$hidden" 2>&1 | tr -s ' \n' ' ') &&
    fail "LINNET_CUDA=$1 was configured"
  return 0
}
says() { [[ $output == *"$1"* ]] || fail "expected the words: $1; CMake said: $output"; }

configure ON
says "LINNET_CUDA=ON needs the CUDA toolkit, and there is no nvcc on the PATH"
says "-DCMAKE_CUDA_COMPILER=/path/to/nvcc"
says "LINNET_CUDA=EMULATED needs no toolkit"
configure YES
says "LINNET_CUDA=YES; expected OFF, ON (needs nvcc) or EMULATED"

if [[ $("$LINNET" doctor) == *"built without CUDA"* ]]; then
  linked=$(ldd "$LINNET" | grep -iE 'libcu(da|blas|dnn)' || true)
  [[ -z $linked ]] || fail "a library of CUDA is linked: $linked"
  symbols=$(nm "$LINNET" | grep -E '[ ](cuda|cublas)[A-Z]|linnet4cuda' || true)
  [[ -z $symbols ]] || fail "symbols of CUDA: $symbols"
fi
