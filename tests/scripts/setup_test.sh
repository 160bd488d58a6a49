#!/usr/bin/env bash
# scripts/setup against stand-ins for dpkg, apt and id: what it installs, what it asks, where it stops.
# shellcheck disable=SC2016  # the stand-ins expand their own variables
set -euo pipefail
setup=$LINNET_SOURCE_DIR/scripts/setup
rm -rf bin && mkdir bin

stand_in() {
  printf '#!/bin/bash\n%s\n' "$2" > "bin/$1"
  chmod +x "bin/$1"
}
# Packages in $MISSING are not installed; those in $UNKNOWN are not in the release.
stand_in dpkg-query '[[ " $MISSING " == *" ${!#} "* ]] || printf "install ok installed"'
stand_in apt-get 'echo "apt-get $*" >> apt.log'
# Like the real one, apt-cache goes on writing after the candidate.
stand_in apt-cache '[[ " $UNKNOWN " == *" $2 "* ]] && echo "Candidate: (none)" || echo "Candidate: 1.0"
  sleep 0.02; echo "Version table:" || exit 100'
stand_in id 'echo "$WHO"'
stand_in cmake 'echo "cmake version $CMAKE"'

# run STATUS [OPTION...]: runs setup without a terminal, checks its exit status, leaves `output` and apt.log.
# shellcheck source=tests/scripts/checks.sh
. "$LINNET_SOURCE_DIR/tests/scripts/checks.sh"
run() {
  local expected=$1
  shift
  : > apt.log
  ends "$expected" env PATH="$PWD/bin:$PATH" WHO="${WHO:-0}" MISSING="${MISSING:-}" UNKNOWN="${UNKNOWN:-}" \
    CMAKE="${CMAKE:-3.25.1}" "$setup" "$@"
}
installs() { [[ $(grep ' install ' apt.log || true) == *"$1" ]] || fail "expected apt-get to install: $1; $(cat apt.log)"; }
leaves_apt_alone() { [[ ! -s apt.log ]] || fail "expected no apt-get: $(cat apt.log)"; }

run 0
says "everything is there"
leaves_apt_alone

MISSING="libhwy-dev libgtest-dev" run 0 --yes
says "these packages are missing: libhwy-dev libgtest-dev"
installs "--no-install-recommends libhwy-dev libgtest-dev"

MISSING="libfmt-dev" run 0 # no terminal: goes on
installs "--no-install-recommends libfmt-dev"

MISSING="libhwy-dev libspng-dev" WHO=1000 run 1 --yes
says "sudo apt-get install libhwy-dev libspng-dev"
leaves_apt_alone

MISSING="libhwy-dev libspng-dev" UNKNOWN="libhwy-dev" run 0 --yes
says "no package libhwy-dev; CMake will fetch it"
installs "--no-install-recommends libspng-dev"

CMAKE=3.22.1 run 1 --yes
says "CMake is 3.22.1; linnet needs 3.25 or newer"

MISSING="clang libclang-rt-dev" run 0 --yes
says "everything is there"
MISSING="libclang-rt-dev" run 0 --yes --fuzz
installs "--no-install-recommends libclang-rt-dev"

run 2 --what
says "unknown option --what"

# Asked for help, no script does anything else, wherever it is called from and by whatever path.
for name in bench-cpu cuda-coverage cuda-mutants demo fetch-mnist fuzz gpu-check lint setup test; do
  output=$(cd "$LINNET_SOURCE_DIR/docs" && PATH=$OLDPWD/bin:$PATH "../scripts/$name" --help 2>&1) ||
    fail "scripts/$name --help: exit status $?"
  says "scripts/$name"
  leaves_apt_alone
done

# With a terminal it asks; `script` makes one.
if command -v script > /dev/null; then
  answer() {
    : > apt.log
    output=$(echo "$1" | PATH=$PWD/bin:$PATH WHO=0 MISSING=libfmt-dev UNKNOWN='' CMAKE=3.25.1 \
      script -q -e -c "$setup" /dev/null 2>&1) && status=0 || status=$?
  }
  answer n
  ((status == 1)) || fail "exit status $status after 'n', expected 1"
  says "nothing was installed"
  leaves_apt_alone
  answer y
  ((status == 0)) || fail "exit status $status after 'y', expected 0"
  installs "--no-install-recommends libfmt-dev"
fi
echo "setup_test: passed"
