#!/usr/bin/env bash
# Do the commands in the READMEs of incidents give the figures that are written there?
# incidents.py runs and compares them.
set -u

. "$top_srcdir/tests/tap.sh"
command -v python3 > /dev/null || skip_all "there is no python3"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

python3 "$top_srcdir/tests/golden/incidents.py" "$VETHSIM" "$top_srcdir" "$folder"
