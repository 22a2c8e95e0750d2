#!/usr/bin/env bash
# What a connection's first packet pays for kube-proxy's rules, by the number of services:
# runs the scenario beside this script in each mode and draws first-packet.svg.
#
# usage: plot.sh [VETHSIM]      default: build/vethsim of this tree
set -eu
here=$(cd "$(dirname "$0")" && pwd)
vethsim=${1:-$here/../../build/vethsim}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modes="iptables nftables ipvs"

# The least latency of a request, ps: no queue, no ARP; only the rules differ.
least_latency() {
    "$vethsim" run "$here/scenario.xml" --set "proxy=$1" --set "services=$2" \
        -o "$work/run" --no-plots --format json 2> /dev/null |
        grep -m 1 '"min_ps"' | tr -dc '0-9'
}

for mode in $modes; do
    base=$(least_latency "$mode" 1)
    for n in 1 10 100 500 1000 2000 3000 4000 5000; do
        # Microseconds more than with one service.
        echo "$n $(least_latency "$mode" "$n") $base" |
            awk '{ printf "%d %.6f\n", $1, ($2 - $3) / 1e6 }'
    done > "$work/$mode.dat"
done

gnuplot << END
set terminal svg size 720,420 font "sans,13" background "white"
set output "$here/first-packet.svg"
set title "What the first packet of a connection pays more than with one service"
set xlabel "services in the cluster"
set ylabel "simulated time, us"
set key left top
set grid
plot for [mode in "$modes"] "$work/".mode.".dat" with linespoints pointtype 7 title mode
END
echo "$here/first-packet.svg"
