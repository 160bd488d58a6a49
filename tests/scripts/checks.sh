#!/usr/bin/env bash
# What tests of scripts share, for them to source: a command's exit status, and what it says, which is in `output`.
output=''
fail() {
  echo "FAILED: $1"
  echo "output: $output"
  exit 1
}
# ends STATUS COMMAND...
ends() {
  local expected=$1 status=0
  shift
  output=$("$@" 2>&1 < /dev/null) || status=$?
  ((status == expected)) || fail "exit status $status, expected $expected"
}
says() { [[ $output == *"$1"* ]] || fail "expected the words: $1"; }
keeps_from() { [[ $output != *"$1"* ]] || fail "unexpected words: $1"; }
