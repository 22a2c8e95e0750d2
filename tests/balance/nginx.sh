#!/usr/bin/env bash
# Does nginx pick the backends that vethsim picks?  nginx.py runs the real one and compares.
#
# Needs root, nginx and python3; skips without them.  All runs in namespaces of its own for
# networks and processes, which end with this script.
set -u

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$source/build}
. "$source/tests/tap.sh"
PATH=$PATH:/usr/sbin

[ "$(id -u)" = 0 ] || skip_all "only root can make network namespaces"
for program in nginx python3 unshare ip; do
    command -v "$program" > /dev/null || skip_all "there is no $program"
done
isolated=(unshare --net --pid --fork --kill-child)
"${isolated[@]}" ip link set lo up 2> /dev/null || skip_all "no namespaces can be made here"

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

"${isolated[@]}" bash -c 'ip link set lo up && exec python3 "$@"' bash \
    "$source/tests/balance/nginx.py" "$build/tests/balance/nginx_pick" "$folder"
