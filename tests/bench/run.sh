#!/usr/bin/env bash
# Runs the benches and their peers, turn by turn, and prints medians, spreads and ratios.
# "make bench" calls it in the build folder.
#
# usage: run.sh [hold|chain|bulk|rules|memory|article|kubeproxy|path|balance|hash|tables]...
#        all of them without an argument
#
# RUNS=5 is the number of samples of each; QUICK=1 leaves out the largest cases.
set -eu
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
here=tests/bench
runs=${RUNS:-5}
samples=$(mktemp -d)
trap 'rm -rf "$samples"' EXIT

# ---- Peers ----

# Builds the peer $1 with the libraries $3... if the header $2 is there.
build_peer() {
    local peer=$1 header=$2
    shift 2
    if ! echo "#include <$header>" | ${CXX:-g++} -E -x c++ - > /dev/null 2>&1; then
        echo "$peer: absent, as <$header> is not installed"
        return 0
    fi
    if [ "$here/$peer" -nt "$top_srcdir/$here/$peer.cpp" ]; then
        return 0
    fi
    ${CXX:-g++} -O2 -std=c++17 -I"$top_srcdir" -o "$here/$peer" \
        "$top_srcdir/$here/$peer.cpp" "$@" || echo "$peer: does not compile"
}

# ---- Samples ----

# Prints "median min max" of the numbers in file $1.
summarise() {
    sort -g "$1" | awk '{ v[NR] = $1 } END {
        m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
        print m, v[1], v[NR] }'
}

# compare LABEL UNIT "OURS" "PEER" ["NAME=OTHER PEER"]...: each is a command that prints a
# rate; a peer that is absent is left out.
compare() {
    local label=$1 unit=$2 i k line
    shift 2
    local names=() commands=()
    names+=(vethsim)
    commands+=("$1")
    shift
    for k in "$@"; do
        if [ -x "$(set -- ${k#*=}; echo "$1")" ]; then
            names+=("${k%%=*}")
            commands+=("${k#*=}")
        fi
    done
    rm -f "$samples"/*
    for ((i = 0; i < runs; i++)); do
        for ((k = 0; k < ${#commands[@]}; k++)); do
            ${commands[k]} | awk '{ print $1; exit }' >> "$samples/$k"
        done
    done
    line=$(summarise "$samples/0" | awk -v l="$label" -v u="$unit" \
        '{ printf "%-26s %9.4g %s (%.4g-%.4g)", l, $1, u, $2, $3 }')
    for ((k = 1; k < ${#commands[@]}; k++)); do
        line+=$(echo "$(summarise "$samples/0") $(summarise "$samples/$k")" |
            awk -v n="${names[k]}" \
                '{ printf ", %s %.3g (%.3g-%.3g): x %.1f", n, $4, $5, $6, $1 / $4 }')
    done
    echo "$line"
}

bench_hold() {
    local law n peer_holds

    echo "== Hold model"
    for law in exponential bimodal equal; do
        for n in 8 1e3 1e5 $([ "${QUICK-}" ] || echo 1e6); do
            peer_holds=$([ "$n" = 1e6 ] && echo 0.5 || echo 1)
            compare "set $law $n" "Mholds/s" "$here/bench_hold set $law $n" \
                "ns-3=$here/peer_ns3 set $law $n $peer_holds"
            compare "events $law $n" "Mholds/s" "$here/bench_hold events $law $n" \
                "ns-3=$here/peer_ns3 events $law $n $peer_holds"
        done
    done
}

bench_chain() {
    local n

    echo "== Chains of eight wires"
    compare "chains 1" "Mhops/s" "$here/bench_chain 1" "ns-3=$here/peer_ns3 chain 1 0.5"
    compare "chains 1000" "Mhops/s" "$here/bench_chain 1000" \
        "ns-3=$here/peer_ns3 chain 1000 0.5"
    if [ -z "${QUICK-}" ]; then
        compare "chains 100000" "Mhops/s" "$here/bench_chain 100000"
    fi
}

bench_bulk() {
    echo "== Bulk TCP: 100 flows over 1 Gbit/s for 10 s"
    compare "segments" "Msegments/s" "$here/bench_bulk" "ns-3=$here/peer_ns3_tcp"
    compare "in trains" "Msegments/s" "$here/bench_bulk gso" \
        "one by one=$here/bench_bulk"
}

bench_rules() {
    local n

    echo "== Rules of a chain of services"
    for n in 10 1000 20000; do
        compare "rules $n" "kwalks/s" "$here/bench_rules indexed $n" \
            "one by one=$here/bench_rules plain $n"
    done
}

bench_memory() {
    echo "== Memory, bytes"
    "$here/bench_memory"
}

bench_article() {
    echo "== The article's scenario"
    "$here/bench_article" "$top_srcdir/scenarios/article/scenario.xml"
    compare "requests" "requests/s" \
        "$here/bench_article $top_srcdir/scenarios/article/scenario.xml" \
        "SimGrid=$here/peer_simgrid 20000"
}

bench_path() {
    local mode

    echo "== A node's whole datapath, packets of established connections"
    for mode in iptables nftables; do
        compare "$mode, 10 services" "Mpackets/s" "$here/bench_path 10 3 $mode" \
            "every rule walked=$here/bench_path 10 3 $mode plain"
        compare "$mode, 5000 services" "Mpackets/s" "$here/bench_path 5000 3 $mode"
    done
}

bench_kubeproxy() {
    local mode

    echo "== kube-proxy's rules for 5000 services of 10 endpoints"
    for mode in iptables nftables; do
        compare "$mode" "services/s" "$here/bench_kubeproxy $mode"
    done
}

bench_balance() {
    echo "== Consistent hashing, 1000 backends"
    compare "Maglev table" "ms" "$here/bench_balance build" \
        "every permutation walked=$here/bench_balance plain"
    compare "pick by table" "ns" "$here/bench_balance table"
    compare "pick by table, in bulk" "ns" "$here/bench_balance bulk"
    compare "lookup in bulk" "ns" "$here/bench_balance lookup"
    compare "pick by ring" "ns" "$here/bench_balance ring"
}

bench_hash() {
    local n name

    echo "== Hashes of flows"
    for n in 12 36; do
        compare "Toeplitz, $n bytes" "Mhashes/s" "$here/bench_hash toeplitz $n" \
            "rte_softrss_be=$here/peer_dpdk toeplitz $n" "bit by bit=$here/bench_hash plain $n"
        compare "jhash, $n bytes" "Mhashes/s" "$here/bench_hash jhash $n" \
            "rte_jhash=$here/peer_dpdk jhash $n"
        compare "SipHash-2-4, $n bytes" "Mhashes/s" "$here/bench_hash siphash $n"
        compare "CRC-32C, $n bytes" "Mhashes/s" "$here/bench_hash crc32c $n" \
            "rte_hash_crc=$here/peer_dpdk crc32c $n"
    done
}

bench_tables() {
    local n ours=$here/bench_tables peer=$here/peer_dpdk_tables

    echo "== Tables of the path"
    for n in 262144 2000000; do
        compare "find, $n" "M/s" "$ours find $n" "rte_hash=$peer find $n" \
            "GHashTable=$ours glib-find $n"
        compare "churn, $n" "M/s" "$ours churn $n" "rte_hash=$peer churn $n" \
            "GHashTable=$ours glib-churn $n"
        compare "find, full, $n" "M/s" "$ours find-full $n" "rte_hash=$peer find $n"
        compare "churn, full, $n" "M/s" "$ours churn-full $n" "rte_hash=$peer churn $n"
    done
    compare "route, 5000 nodes" "M/s" "$ours route" "rte_lpm=$peer route"
    compare "host and path" "M/s" "$ours host" "GHashTable=$ours glib-host"
    compare "host and path, texts" "M/s" "$ours host-text" "GHashTable=$ours glib-host" \
        "one by one=$ours host-text-one"
    compare "exponential" "M/s" "$ours exponential" "drand48 and log=$ours log"
    compare "record" "M/s" "$ours record"
}

echo "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(nproc) cores," \
    "load $(cut -d' ' -f1 /proc/loadavg); $(${CC:-cc} --version | head -n 1); ${CFLAGS-}"
mkdir -p "$here"
build_peer peer_ns3 ns3/core-module.h -lns3-core -lns3-network -lns3-internet -lns3-point-to-point
build_peer peer_ns3_tcp ns3/core-module.h -lns3-core -lns3-network -lns3-internet \
    -lns3-point-to-point -lns3-applications
build_peer peer_simgrid simgrid/s4u.hpp -lsimgrid
for bench in "${@:-hold chain bulk rules memory article kubeproxy path balance hash tables}"; do
    for name in $bench; do
        "bench_$name"
    done
done
