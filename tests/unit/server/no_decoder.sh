#!/bin/sh
# usage: no_decoder.sh AIRLOCKD [NM]    fails if the broker holds anything of the decoders
set -eu
symbols=$("${2:-nm}" -C "$1")
# A stripped program would pass for the wrong reason.
echo "$symbols" | grep -q 'airlock::server::Validator::Finish' || { echo "no symbols in $1"; exit 1; }
if echo "$symbols" | grep -E 'airlock::(formats|pickle|tensors)::'; then
  echo "the broker links a decoder"
  exit 1
fi
