#!/usr/bin/env bash
# Does TCP's window move as the kernel's?  A namespace sends through a router that shapes by
# tbf, at 10 and 100 Mbit/s; so does a node of window.xml.  Compared are the time, the windows
# between two losses, as saw teeth, and how many segments are sent again: window.py.  And the
# time of many requests and their answers in one connection.
#
# Other programs may hold up a transfer, and then its acknowledgements come in heaps: of up to
# eight it is enough if one has the windows, and the fastest counts; there are no more of them than
# that takes.
#
# Both have SACK and RACK, or no SACK; neither has probes of a tail, F-RTO or timestamps; lengths
# are such that no tail is lost, for a time-out would hide the rest.  The first slow start shows
# in what it loses, but for cubic: the kernel ends it by another HyStart than RFC 9406.  Without
# SACK each of those losses takes a round trip, and the buffers of both sides must have place for
# a window for each.
#
# Needs root, iproute2, python3, and sch_tbf.  Packets are kept as small as on a wire
# (gso_max_segs 1).
set -u

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$source/build}
vethsim=${VETHSIM:-$build/vethsim}
here=$source/tests/kernel
server=vs$$-server
router=vs$$-router
client=vs$$-client
address=172.16.1.2
n_runs=8
. "$source/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "only root can make network namespaces"
for command in ip tc python3 sysctl; do
    command -v "$command" > /dev/null || skip_all "there is no $command"
done
ip netns add "$server" 2> /dev/null || skip_all "no network namespace can be made here"
folder=$(mktemp -d) || exit 1
children=()

clean_up() {
    [ ${#children[@]} = 0 ] || kill "${children[@]}" 2> /dev/null
    wait
    for netns in "$server" "$router" "$client"; do
        ip netns del "$netns" 2> /dev/null
    done
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# The server's eth0 is at the router's eth1, the client's at its eth0.
ip netns add "$router"
ip netns add "$client"
ip -n "$server" link add eth0 gso_max_segs 1 type veth peer name eth1 netns "$router"
ip -n "$router" link add eth0 gso_max_segs 1 type veth peer name eth0 netns "$client"
ip -n "$server" address add "$address/24" dev eth0
ip -n "$router" address add 172.16.1.1/24 dev eth1
ip -n "$router" address add 172.16.0.2/24 dev eth0
ip -n "$client" address add 172.16.0.1/24 dev eth0
ip -n "$server" link set eth0 up
ip -n "$router" link set eth0 up
ip -n "$router" link set eth1 up
ip -n "$client" link set eth0 up
ip -n "$server" route add default via 172.16.1.1
ip -n "$client" route add default via 172.16.0.2
ip netns exec "$router" sysctl -qw net.ipv4.ip_forward=1
for netns in "$server" "$client"; do
    ip netns exec "$netns" sysctl -qw net.ipv4.tcp_recovery=1 \
        net.ipv4.tcp_early_retrans=0 net.ipv4.tcp_frto=0 net.ipv4.tcp_timestamps=0 \
        net.ipv4.tcp_no_metrics_save=1 2> "$folder/sysctl" ||
        skip_all "TCP cannot be set up: $(cat "$folder/sysctl")"
done
scenario=$here/window.xml
without_sack=$folder/without-sack.xml
sed 's/tcp-early-retrans="no"/tcp-sack="no"/' "$scenario" > "$without_sack"

# have_sack yes|no: of the kernel's transfers and vethsim's.
have_sack() {
    local netns

    [ "$1" = yes ] && scenario=$here/window.xml || scenario=$without_sack
    for netns in "$server" "$client"; do
        ip netns exec "$netns" sysctl -qw "net.ipv4.tcp_sack=$([ "$1" = yes ]; echo $((!$?)))"
    done
}

# start FILE COMMAND...: runs it in the server until it says "ready".
start() {
    local file=$1

    shift
    : > "$file"
    ip netns exec "$server" timeout 30 "$@" > "$file" &
    children+=($!)
    while ! grep -q ready "$file" && kill -0 "${children[-1]}" 2> /dev/null; do
        sleep 0.05
    done
}

# transfer CONGESTION FILE BYTES [COUNT]: prints how many seconds the kernel took, and writes
# FILE as window.py does.
transfer() {
    start "$folder/served" python3 "$here/bulk.py" serve "$address" "$1"
    start "$folder/recorded" python3 "$here/window.py" record eth0 8080 "$2"
    ip netns exec "$client" timeout 30 python3 "$here/bulk.py" fetch "$address" "${@:3}"
    wait "${children[0]}"
    kill "${children[1]}" # timeout passes it on.
    wait "${children[1]}"
    children=()
}

# simulate FILE UNTIL SETTING...: prints the mean seconds of a request by vethsim, and writes
# FILE.
simulate() {
    local file=$1 until=$2 settings=() setting

    shift 2
    for setting in "$@"; do
        settings+=(--set "$setting")
    done
    "$vethsim" run "$scenario" -o "$folder/run" --no-plots --format json \
        --until "$until" "${settings[@]}" > "$folder/summary" || return
    python3 "$here/window.py" read "$folder/run/capture.pcapng" 30080 "$file"
    python3 -c 'import json, sys
latency = json.load(sys.stdin)["clients"][0]["latency"]
print(latency["mean_ps"] / 1e12)' < "$folder/summary"
}

# is_as_long SIMULATED KERNEL...: the fastest of the kernel's is at most 5 % apart.
is_as_long() {
    python3 -c 'import sys
simulated, *kernel = map(float, sys.argv[1:])
print(f"kernel {min(kernel):.4f} s, vethsim {simulated:.4f} s")
sys.exit(abs(min(kernel) / simulated - 1) > 0.05)' "$@"
}

# bulk CONGESTION MBIT BURST LIMIT BYTES MEASURES [SACK]
bulk() {
    local name="$1 at $2 Mbit/s${7:+ without SACK}" times=() simulated run
    local compare=(python3 "$here/window.py" compare "$6" "$folder/kernel" "$folder/simulated")
    local has_windows=no

    have_sack "${7:-yes}"
    simulated=$(simulate "$folder/simulated" 19s congestion="$1" rate="$2Mbit/s" burst="$3B" \
        limit="$4B" bytes="$5B")
    for ((run = 1; run <= n_runs; run++)); do
        times+=("$(transfer "$1" "$folder/latest" "$5")")
        if [ $has_windows = no ]; then
            mv "$folder/latest" "$folder/kernel"
            "${compare[@]}" > "$folder/compared" 2>&1 && has_windows=yes
        fi
        [ $has_windows = yes ] && is_as_long "$simulated" "${times[@]}" > "$folder/compared" &&
            break
    done
    succeeds "$name: as long" is_as_long "$simulated" "${times[@]}"
    succeeds "$name: the same windows" "${compare[@]}"
}

# exchanges MBIT BURST LIMIT BYTES COUNT: requests, the next when the last is answered.  Headers
# of HTTP are part of the kernel's answers.
exchanges() {
    local settings=(rate="$1Mbit/s" burst="$2B" limit="$3B" bytes="$4B")
    local bytes simulated times=() run

    simulate "$folder/simulated" 19s "${settings[@]}" > "$folder/one"
    bytes=$(python3 "$here/window.py" payload "$folder/simulated")
    simulated=$(simulate "$folder/simulated" 1s "${settings[@]}" think=0s |
        awk -v count="$5" '{ print $1 * count }')
    for ((run = 1; run <= n_runs; run++)); do
        times+=("$(transfer reno "$folder/kernel" "$bytes" "$5")")
        is_as_long "$simulated" "${times[@]}" > "$folder/compared" && break
    done
    succeeds "$5 answers of $4 bytes at $1 Mbit/s: as long" \
        is_as_long "$simulated" "${times[@]}"
}

# shape MBIT BURST LIMIT FACT: false if the kernel has no tbf.
shape() {
    ip netns exec "$router" tc qdisc replace dev eth0 root tbf rate "$1mbit" burst "$2" \
        limit "$3" 2> "$folder/tc" ||
        { skip "$4" "the kernel has no tbf: $(cat "$folder/tc")" && false; }
}

if shape 10 16000 64000 "windows at 10 Mbit/s"; then
    bulk reno 10 16000 64000 2600000 ""
    bulk reno 10 16000 64000 4600000 "" no
    have_sack yes
    exchanges 10 16000 64000 20000 50
fi
if shape 100 32000 150000 "windows at 100 Mbit/s"; then
    bulk reno 100 32000 150000 12500000 ""
    bulk reno 100 32000 150000 12500000 segments no
    have_sack yes
    exchanges 100 32000 150000 50000 150
    if ip netns exec "$server" python3 -c 'import socket
socket.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")' \
        2> /dev/null; then
        bulk cubic 100 32000 150000 12500000 tooth
    else
        skip "cubic at 100 Mbit/s" "the kernel has none"
    fi
fi

finish
