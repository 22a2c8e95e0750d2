#!/usr/bin/env bash
# Does `vethsim check` take the XML examples of docs/scenario.md?  examples.py asks.
set -u

. "$top_srcdir/tests/tap.sh"
command -v python3 > /dev/null || skip_all "there is no python3"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

python3 "$top_srcdir/tests/golden/examples.py" "$VETHSIM" "$top_srcdir/docs/scenario.md" "$folder"
