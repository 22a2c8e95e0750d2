#!/usr/bin/env bash
# Writes digests.txt anew, after a change that is meant to change runs.
#
# usage: renew.sh [BUILD]      BUILD: the build folder, build/ of the tree without it
set -eu
cd "$(dirname "$0")/../.."

build=${1:-build}
digest=$build/tests/golden/digest
list=tests/golden/digests.txt

make -s -C "$build" tests/golden/digest
{
    echo "# FILE UNTIL DIGEST: what tests/golden/digests.sh expects; tests/golden/renew.sh"
    echo "# writes it.  Each run stops early, to be quick."
    find scenarios -name '*.xml' | sort | while read -r file; do
        if grep -q '<scenario' "$file"; then
            echo "$file 2s $("$digest" "$file" 2s)"
        fi
    done
} > "$list.new"
mv "$list.new" "$list"
git diff --stat -- "$list" 2> /dev/null || cat "$list"
