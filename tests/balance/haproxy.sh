#!/usr/bin/env bash
# What balancers of the family HAProxy pick against the real HAProxy, request by request, in
# a network namespace that goes with the last of its processes: haproxy.py has the cases.
# Skips without root, HAProxy 2.6, python3, ip, or the right to make a namespace.
set -u

. "$top_srcdir/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root"
for program in haproxy python3 ip unshare; do
    command -v "$program" > /dev/null || skip_all "needs $program"
done
haproxy -v | grep -q 'version 2\.6\.' || skip_all "needs HAProxy 2.6: others choose otherwise"
unshare --net true 2> /dev/null || skip_all "no network namespace can be made here"
folder=$(mktemp -d "${TMPDIR:-/tmp}/haproxy.XXXXXX")
trap 'rm -rf "$folder"' EXIT

unshare --net sh -c 'ip link set lo up && exec python3 "$@"' sh \
    "$top_srcdir/tests/balance/haproxy.py" "$top_builddir/tests/balance/haproxy_pick" "$folder" ||
    n_failed=1
finish
