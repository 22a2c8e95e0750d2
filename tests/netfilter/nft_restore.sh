#!/usr/bin/env bash
# What the library prints of a ruleset against the real nft, in a network namespace of this
# test's own: "nft -f" takes the text, "nft list ruleset" says the same, and JSON alike.
# Skips without root, ip netns, nft 1.0.6, or the right to make a namespace.
set -u

. "$top_srcdir/tests/tap.sh"
show=$top_builddir/tests/netfilter/nft_show
namespace=vethsim-nft-$$

[ "$(id -u)" = 0 ] || skip_all "needs root"
command -v ip > /dev/null || skip_all "needs ip"
command -v nft > /dev/null || skip_all "needs nft"
nft --version | grep -q 'v1\.0\.6' || skip_all "needs nft 1.0.6: others print otherwise"
ip netns add "$namespace" 2> /dev/null || skip_all "may not make a network namespace"
folder=$(mktemp -d "${TMPDIR:-/tmp}/nft_restore.XXXXXX")
trap 'ip netns del "$namespace"; rm -rf "$folder"' EXIT

real() {
    ip netns exec "$namespace" nft "$@"
}

real list ruleset > /dev/null 2>&1 || skip_all "the kernel has no nftables here"

# Says ok when the files $2 and $3 are equal.
compare() {
    result "$1" "$(diff -u "$2" "$3" 2>&1)"
}

# Handles are the kernel's affair, and the version no part of the rules.
normal_json() {
    if command -v python3 > /dev/null; then
        python3 -c '
import json, sys
def bare(x):
    if isinstance(x, dict):
        return {k: bare(v) for k, v in x.items() if k not in ("handle", "metainfo")}
    return [bare(v) for v in x] if isinstance(x, list) else x
json.dump(bare(json.load(sys.stdin)), sys.stdout, indent=1, sort_keys=True)'
    else
        jq -S 'del(..|.handle?)|del(..|.metainfo?)'
    fi
}

for source in "$top_srcdir"/tests/netfilter/{kube_proxy,constructs}.nft; do
    name=$(basename "$source" .nft)
    "$show" "$source" > "$folder/ours" || not_ok "$name is printed"
    real flush ruleset
    succeeds "$name: nft takes what is printed" real -f "$folder/ours"
    real list ruleset > "$folder/real"
    compare "$name: nft lists what is printed" "$folder/ours" "$folder/real"

    real flush ruleset
    real -f "$source"
    real list ruleset > "$folder/real"
    compare "$name: nft makes the same of the source" "$folder/ours" "$folder/real"

    if command -v python3 > /dev/null || command -v jq > /dev/null; then
        "$show" -j "$source" | normal_json > "$folder/ours.json"
        real -j list ruleset | normal_json > "$folder/real.json"
        compare "$name: the JSON is nft's" "$folder/ours.json" "$folder/real.json"
    fi

    real -a list ruleset > "$folder/handles"
    "$show" "$folder/handles" > "$folder/again"
    compare "$name: nft's list with handles is read" "$folder/ours" "$folder/again"
done
finish
