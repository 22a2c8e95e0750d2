#!/usr/bin/env bash
# Do nginx and HAProxy meet failing upstreams as the profiles of <ingress> say?  failures.py
# runs the real ones.
#
# Needs root and python3, and skips without; of nginx and HAProxy it asks what is there.  All
# runs in namespaces of its own for networks and processes, which end with this script.
set -u

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$source/tests/tap.sh"
PATH=$PATH:/usr/sbin

[ "$(id -u)" = 0 ] || skip_all "only root can make network namespaces"
for program in python3 unshare ip; do
    command -v "$program" > /dev/null || skip_all "there is no $program"
done
isolated=(unshare --net --pid --fork --kill-child)
"${isolated[@]}" ip link set lo up 2> /dev/null || skip_all "no namespaces can be made here"
programs=()
command -v nginx > /dev/null && programs+=(nginx)
haproxy -v 2> /dev/null | grep -q 'version 2\.6\.' && programs+=(haproxy)
[ ${#programs[@]} -gt 0 ] || skip_all "there is neither nginx nor HAProxy 2.6"

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

status=0
for program in "${programs[@]}"; do
    mkdir "$folder/$program"
    timeout 120 "${isolated[@]}" bash -c 'ip link set lo up && exec python3 "$@"' bash \
        "$source/tests/balance/failures.py" "$program" "$folder/$program" || status=1
done
exit $status
