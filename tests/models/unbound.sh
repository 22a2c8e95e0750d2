#!/usr/bin/env bash
# What our recursive resolver asks of whom against the real Unbound, question by question, with
# the same zones on NSD servers, in a network namespace that goes with the last of its processes:
# unbound.py has the cases.  Skips without root, the programs, or the right to make a namespace.
set -u

. "$top_srcdir/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root"
for program in unbound nsd tshark python3 ip unshare; do
    command -v "$program" > /dev/null || skip_all "needs $program"
done
unshare --net true 2> /dev/null || skip_all "no network namespace can be made here"
folder=$(mktemp -d "${TMPDIR:-/tmp}/unbound.XXXXXX")
trap 'rm -rf "$folder"' EXIT

unshare --net sh -c 'ip link set lo up && exec python3 "$@"' sh \
    "$top_srcdir/tests/models/unbound.py" "$top_builddir/vethsim" "$folder" || n_failed=1
finish
