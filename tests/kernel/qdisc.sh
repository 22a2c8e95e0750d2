#!/usr/bin/env bash
# Does a shaper of the kernel take as long as vethsim's?  A namespace sends so many bytes over
# TCP through tbf at 10 and 100 Mbit/s; so does a node of qdisc.xml.
#
# The faster of two transfers counts: others may have slowed one down.
#
# Needs root, iproute2, python3, and sch_tbf.  Packets are kept as small as on a
# wire (gso_max_segs 1): a large one would count its headers once.
set -u

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$source/build}
vethsim=${VETHSIM:-$build/vethsim}
here=$source/tests/kernel
server=vs$$-server
client=vs$$-client
. "$source/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "only root can make network namespaces"
for command in ip tc python3; do
    command -v "$command" > /dev/null || skip_all "there is no $command"
done
ip netns add "$server" 2> /dev/null || skip_all "no network namespace can be made here"
folder=$(mktemp -d) || exit 1
trap 'ip netns del "$server"; ip netns del "$client" 2> /dev/null; rm -rf "$folder"' EXIT
ip netns add "$client"
ip -n "$server" link add eth0 gso_max_segs 1 type veth peer name eth0 netns "$client"
ip -n "$server" address add 172.16.0.2/24 dev eth0
ip -n "$client" address add 172.16.0.1/24 dev eth0
ip -n "$server" link set eth0 up
ip -n "$client" link set eth0 up

# shape TC-ARGUMENTS...: a new root qdisc of the server; false if the kernel has none.
shape() {
    ip netns exec "$server" tc qdisc replace dev eth0 root "$@" 2> "$folder/tc"
}

# transfer BYTES: prints how many seconds the kernel took.
transfer() {
    local pid

    ip netns exec "$server" python3 "$here/bulk.py" serve 172.16.0.2 > "$folder/ready" &
    pid=$!
    while ! grep -q ready "$folder/ready" && kill -0 "$pid" 2> /dev/null; do
        sleep 0.05
    done
    ip netns exec "$client" python3 "$here/bulk.py" fetch 172.16.0.2 "$1"
    wait "$pid"
}

# simulate RATE BURST BYTES: the same by vethsim.
simulate() {
    "$vethsim" run "$here/qdisc.xml" -o "$folder/run" --no-plots --format json \
        --set rate="$1" --set burst="$2" --set bytes="$3" |
        python3 -c 'import json, sys
latency = json.load(sys.stdin)["clients"][0]["latency"]
print(latency["mean_ps"] / 1e12 if latency["count"] == 1 else "none")'
}

# compare FACT KERNEL SIMULATED: at most 5 % apart.
compare() {
    succeeds "$1" python3 -c 'import sys
kernel, simulated = float(sys.argv[1]), float(sys.argv[2])
print(f"kernel {kernel:.3f} s, vethsim {simulated:.3f} s")
sys.exit(abs(kernel / simulated - 1) > 0.05)' "$2" "$3"
}

for case in "10 16000 2500000" "100 32000 12500000"; do
    read -r mbit burst bytes <<< "$case"
    fact="tbf at $mbit Mbit/s takes as long"
    if ! shape tbf rate "${mbit}mbit" burst "$burst" limit 3000000; then
        skip "$fact" "the kernel has no tbf: $(cat "$folder/tc")"
        continue
    fi
    kernel=$(printf '%s\n' "$(transfer "$bytes")" "$(transfer "$bytes")" | sort -g | head -1)
    compare "$fact" "$kernel" "$(simulate "${mbit}Mbit/s" "${burst}B" "${bytes}B")"
done

finish
