#!/usr/bin/env bash
# scripts/demo in a tree of stand-ins: which data it trains on, where the run goes, what it does when a step fails.
# shellcheck disable=SC2016  # the stand-ins expand their own variables
set -euo pipefail
rm -rf tree && mkdir -p tree/scripts tree/build/tool/bin bin
cp "$LINNET_SOURCE_DIR/scripts/demo" tree/scripts/

stand_in() {
  printf '#!/bin/bash\n%s\n' "$2" > "$1"
  chmod +x "$1"
}
stand_in tree/scripts/setup 'echo "setup $*"; [[ -z $NO_SETUP ]]'
stand_in tree/scripts/fetch-mnist 'echo "fetch $*"; [[ -z $NO_NETWORK ]]'
stand_in tree/build/tool/bin/linnet 'echo "linnet $*"'
stand_in bin/cmake 'echo "cmake $*"; [[ -z $NO_BUILD ]]'

# run STATUS [OPTION...]: runs demo, checks its exit status and leaves what it printed in `output`.
# shellcheck source=tests/scripts/checks.sh
. "$LINNET_SOURCE_DIR/tests/scripts/checks.sh"
run() {
  local expected=$1
  shift
  ends "$expected" env PATH="$PWD/bin:$PATH" LINNET_DATA="${LINNET_DATA:-}" NO_SETUP="${NO_SETUP:-}" \
    NO_NETWORK="${NO_NETWORK:-}" NO_BUILD="${NO_BUILD:-}" tree/scripts/demo "$@"
}
unset LINNET_DATA

run 0 --yes
says "setup --yes"
says "fetch build/data/mnist"
says "linnet train --model simple-cnn --data build/data --epochs 3 --seed 0 --out runs/demo --overwrite"
says "linnet predict runs/demo --samples 8 --data build/data"

NO_NETWORK=1 run 0
says "could not be fetched; training on synthetic digits"
says "linnet train --model simple-cnn --dataset digits"
says "linnet predict runs/demo --samples 8"

# Folders are meant from where the script is called, and another run is not overwritten.
run 0 --data some/data --out some/run
keeps_from "fetch"
says "linnet train --model simple-cnn --data $PWD/some/data --epochs 3 --seed 0 --out $PWD/some/run"
keeps_from "--overwrite"

LINNET_DATA=/data run 0
keeps_from "fetch"
says "--data /data"

NO_SETUP=1 run 1
keeps_from "linnet train"
NO_BUILD=1 run 1
says "building failed"
run 2 --data
says "--data needs a folder"
run 2 --what
says "unknown option --what"
echo "demo_test: passed"
