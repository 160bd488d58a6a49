#!/usr/bin/env bash
# scripts/fetch-mnist from a file:// source: small stand-ins with sums of their own, and, where LINNET_DATA names
# a folder that holds mnist/, the real files with the pinned sums.
set -euo pipefail
fetch=${LINNET_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}/scripts/fetch-mnist
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd "$work"

names='train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte'

fail() {
  echo "FAILED: $1" >&2
  [ -f output ] && sed 's/^/  | /' output >&2
  exit 1
}
# run STATUS WORDS...: the command ends with STATUS; what it said is in `output`.
run() {
  local wanted=$1 status=0
  shift
  "$fetch" "$@" >output 2>&1 || status=$?
  [ "$status" = "$wanted" ] || fail "fetch-mnist $* ended with $status, not $wanted"
}
says() { grep -qF -- "$1" output || fail "no '$1' in the output"; }
count() { find "$1" -mindepth 1 | wc -l; }
left_nothing() { [ "$(count "$1")" = 0 ] || fail "files left in $1: $(ls -A "$1")"; }

mkdir source
for name in $names; do
  echo "contents of $name" >"$name"
  sha256sum "$name" >>sums
  gzip -c "$name" >"source/$name.gz"
done
here=file://$work/source

# Wrong words.
run 2
says 'DIR is missing'
run 2 data --colour
says 'unknown option --colour'
run 2 data --source
says '--source needs a value'
run 2 data more
says "more than one DIR: 'data' and 'more'"
run 2 data --sums nowhere
says "cannot read the sums in 'nowhere'"
run 2 ''
says 'DIR is empty'
run 0 --help
says 'usage: scripts/fetch-mnist DIR'

# All four arrive, and are kept the next time.
run 0 data/mnist --source "$here" --sums sums
for name in $names; do
  cmp -s "source/$name.gz" "data/mnist/$name.gz" || fail "$name.gz did not arrive"
done
[ "$(count data/mnist)" = 4 ] || fail "more than the four files: $(ls -A data/mnist)"
run 0 data/mnist --source file:///nowhere --sums sums
says 'train-images-idx3-ubyte.gz is there'

# A wrong file that was there is replaced.
echo wrong >data/mnist/t10k-labels-idx1-ubyte.gz
run 0 data/mnist --source "$here" --sums sums
says 'fetching t10k-labels-idx1-ubyte.gz'
cmp -s source/t10k-labels-idx1-ubyte.gz data/mnist/t10k-labels-idx1-ubyte.gz || fail "the wrong file stayed"

# A wrong checksum: both sums, exit 1, nothing left.
mkdir changed
cp source/* changed/
echo 'other contents' | gzip -c >changed/t10k-images-idx3-ubyte.gz
run 1 fresh --source "file://$work/changed" --sums sums
says "expected $(sha256sum <t10k-images-idx3-ubyte | cut -d' ' -f1)"
says "found    $(echo 'other contents' | sha256sum | cut -d' ' -f1)"
[ ! -e fresh ] || fail "the folder stayed"
mkdir empty
run 1 empty --source "file://$work/changed" --sums sums
left_nothing empty

# A damaged file, a missing one, one that is not gzip; the pinned sums are used unless told otherwise.
head -c 20 source/train-labels-idx1-ubyte.gz >changed/train-labels-idx1-ubyte.gz
run 1 empty --source "file://$work/changed" --sums sums
says 'changed/train-labels-idx1-ubyte.gz is not the file it should be'
says 'found    none: it is no whole gzip file'
cp train-labels-idx1-ubyte changed/train-labels-idx1-ubyte.gz
run 1 empty --source "file://$work/changed" --sums sums
says 'is not the file it should be'
rm changed/train-labels-idx1-ubyte.gz
run 1 empty --source "file://$work/changed" --sums sums
says "cannot download file://$work/changed/train-labels-idx1-ubyte.gz"
run 1 empty --source "$here"
says 'expected ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db'
head -n 1 sums >few
run 1 empty --source "$here" --sums few
says "the sums in 'few' lack train-labels-idx1-ubyte"
left_nothing empty

# A place that cannot be a folder, and a machine without curl.
run 1 sums/inside --source "$here" --sums sums
says "cannot make the folder 'sums/inside'"
mkdir bin
for tool in bash env cat awk gzip sha256sum; do ln -s "$(command -v "$tool")" "bin/$tool"; done
PATH=$work/bin run 1 empty --source "$here" --sums sums
says 'curl is not installed'

if [ -d "${LINNET_DATA:-/nonexistent}/mnist" ]; then
  run 0 real --source "file://$LINNET_DATA/mnist"
  [ "$(count real)" = 4 ] || fail "more or less than four real files"
  echo "the real files have the pinned sums"
else
  echo "LINNET_DATA is not set: the real files were not tried"
fi
echo passed
