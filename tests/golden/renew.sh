#!/usr/bin/env bash
# Writes digests.txt, the tutorial's expected.trace and the reference parts of
# docs/selection.md and docs/ingress-profiles.md anew, after a change that is meant to change
# runs, what is told of them, or the algorithms and profiles that there are.
#
# usage: renew.sh [BUILD]      BUILD: the build folder, build/ of the tree without it
set -eu
cd "$(dirname "$0")/../.."

build=${1:-build}
digest=$build/tests/golden/digest
list=tests/golden/digests.txt
variants=(
    "scenarios/article/scenario.xml proxy=nftables"
)
one_wire=scenarios/tutorial/01-one-wire
selection=docs/selection.md
profiles=docs/ingress-profiles.md

make -s -C "$build" vethsim tests/golden/digest
{
    echo "# FILE UNTIL DIGEST [NAME=VALUE...]: what tests/golden/digests.sh expects;"
    echo "# tests/golden/renew.sh writes it.  Each run stops early, to be quick."
    find scenarios -name '*.xml' | sort | while read -r file; do
        if grep -q '<scenario' "$file"; then
            echo "$file 2s $("$digest" "$file" 2s)"
        fi
    done
    for variant in "${variants[@]}"; do
        read -r file settings <<< "$variant"
        # shellcheck disable=SC2086
        echo "$file 2s $("$digest" "$file" 2s $settings) $settings"
    done
} > "$list.new"
mv "$list.new" "$list"

"$build/vethsim" trace "$one_wire/scenario.xml" --from user \
    --to http://172.16.0.2:30080/ > "$one_wire/expected.trace"

{
    sed '/^## The algorithms$/,$d' "$selection"
    "$build/vethsim" select --list --markdown
} > "$selection.new"
mv "$selection.new" "$selection"

{
    sed '/^### Profiles$/,$d' "$profiles"
    "$build/vethsim" models ingress --markdown | sed -n '/^### Profiles$/,$p'
} > "$profiles.new"
mv "$profiles.new" "$profiles"
git diff --stat -- "$list" "$one_wire" "$selection" "$profiles" 2> /dev/null || cat "$list"
