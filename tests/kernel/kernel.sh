#!/usr/bin/env bash
# Does the kernel do what vethsim says it does?  The cluster of cluster.xml is built of
# network namespaces: its addresses and routes, and the rules of both modes of kube-proxy,
# are what "vethsim export" prints.  Each case of cases.txt is then asked for real, with all
# interfaces recorded, and traced by vethsim; compare.py compares the first packet of each
# direction, interface by interface, and the connections that nodes remember.  At last both
# choose among three endpoints 3000 times.
#
# Needs root, iproute2, iptables, nftables and python3; skips without them.  All namespaces
# have the process id in their names and go when this ends; no traffic leaves them.
set -u

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$source/build}
vethsim=${VETHSIM:-$build/vethsim}
netprobe=$build/tests/kernel/netprobe
here=$source/tests/kernel
scenario=$here/cluster.xml
prefix=vs$$
hosts="out r sw n1 n2 edge"
pods="a1 a2 c1 b1 c2"
. "$source/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "only root can make network namespaces"
for program in ip iptables-nft-restore nft python3; do
    command -v "$program" > /dev/null || skip_all "there is no $program"
done
ip netns add "$prefix-try" 2> /dev/null || skip_all "no network namespace can be made here"
ip -n "$prefix-try" link add br0 type bridge 2> /dev/null
ip netns exec "$prefix-try" test -e /proc/sys/net/bridge/bridge-nf-call-iptables
has_bridge=$?
ip netns del "$prefix-try"
[ $has_bridge = 0 ] || skip_all "br_netfilter is not loaded, or not one for each namespace"

folder=$(mktemp -d) || exit 1
children=()

stop_children() {
    [ ${#children[@]} = 0 ] || kill "${children[@]}" 2> /dev/null
    wait 2> /dev/null
    children=()
}

remove_namespaces() {
    for name in $hosts $pods; do
        ip netns del "$prefix-$name" 2> /dev/null
    done
}

clean_up() {
    stop_children
    remove_namespaces
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

fail() {
    not_ok "$1"
    finish
}

within() {
    local name=$1

    shift
    ip netns exec "$prefix-$name" "$@"
}

node_of() {
    case $1 in
    a? | c1) echo n1 ;;
    b? | c2) echo n2 ;;
    *) echo "" ;;
    esac
}

# export_of NAME FORM: what vethsim prints for the host or pod.
export_of() {
    local node

    node=$(node_of "$1")
    "$vethsim" export "$scenario" --node "${node:+$node/}$1" --as "$2" \
        --set "proxy=$mode"
}

# ---- the cluster --------------------------------------------------------------------

# join A IFACE_A B IFACE_B: a veth pair between two namespaces.
join() {
    ip -n "$prefix-$1" link add "$2" type veth peer name "$4" netns "$prefix-$3"
}

# add_bridge NAME BRIDGE PORT...
add_bridge() {
    local name=$1 bridge=$2 port

    shift 2
    ip -n "$prefix-$name" link add "$bridge" type bridge
    for port in "$@"; do
        ip -n "$prefix-$name" link set "$port" master "$bridge"
    done
}

set_sysctls() {
    local name=$1
    local settings="net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
        net.ipv4.icmp_ratelimit=0 net.ipv6.conf.all.disable_ipv6=1"

    case $name in
    r) settings+=" net.ipv4.ip_forward=1" ;;
    n?) settings+=" net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1" ;;
    sw) settings+=" net.bridge.bridge-nf-call-iptables=0" ;;
    esac
    # shellcheck disable=SC2086
    within "$name" sysctl -qw $settings
}

# Addresses are the sources of the routes that come with them; the others are added.
add_addresses_and_routes() {
    local name=$1 prefix_ device source_ rest

    export_of "$name" routes > "$folder/routes" || fail "routes of $name"
    while read -r prefix_ _ device _ _ _ _ _ source_ rest; do
        ip -n "$prefix-$name" address add "$source_/${prefix_#*/}" dev "$device"
    done < <(grep 'proto kernel' "$folder/routes")
    grep -v 'proto kernel' "$folder/routes" | sed 's/^/route add /' |
        ip -n "$prefix-$name" -batch -
}

build_cluster() {
    local name

    for name in $hosts $pods; do
        ip netns add "$prefix-$name" || fail "namespace $name"
    done
    join out eth0 r eth0
    join n1 eth0 sw eth0
    join n2 eth0 sw eth1
    join r eth1 sw eth2
    join edge eth0 r eth2
    for name in $pods; do
        join "$name" eth0 "$(node_of "$name")" "veth-$name"
    done
    add_bridge sw br0 eth0 eth1 eth2
    add_bridge n1 cni0 veth-a1 veth-a2 veth-c1
    add_bridge n2 cni0 veth-b1 veth-c2
    for name in $pods; do
        ip -n "$prefix-$(node_of "$name")" link set "veth-$name" type bridge_slave \
            hairpin on
    done
    for name in $hosts $pods; do
        set_sysctls "$name"
        ip -n "$prefix-$name" -o link | cut -d' ' -f2 | sed 's/[@:].*//;s/.*/link set & up/' |
            ip -n "$prefix-$name" -batch -
    done
    for name in out r n1 n2 edge $pods; do
        add_addresses_and_routes "$name" || fail "addresses and routes of $name"
    done
}

load_rules() {
    local name

    for name in n1 n2; do
        export_of "$name" iptables-save > "$folder/$name.$mode.rules"
        within "$name" iptables-nft-restore < "$folder/$name.$mode.rules" ||
            fail "$mode: iptables-restore takes the rules of $name"
        # Connections are read after the last case, when the first's are to be still there.
        within "$name" sysctl -qw net.netfilter.nf_conntrack_udp_timeout=600 \
            net.netfilter.nf_conntrack_tcp_timeout_close=600
        within "$name" test -e /proc/net/nf_conntrack ||
            skip "the kernel does not tell connections (NF_CONNTRACK_PROCFS)"
        [ "$mode" = nftables ] || continue
        export_of "$name" nft > "$folder/$name.nft"
        within "$name" nft -f "$folder/$name.nft" ||
            fail "$mode: nft takes the rules of $name"
    done
}

start_servers() {
    local name protocol

    for name in a1 a2 b1; do
        for protocol in tcp udp; do
            "$netprobe" serve "$prefix-$name" $protocol 8080 &
            children+=($!)
        done
    done
    for name in a1 a2 b1; do
        for _ in {1..50}; do
            [ "$(within $name cat /proc/net/tcp /proc/net/udp | grep -c ':1F90 ')" = 2 ] &&
                break
            sleep 0.1
        done
    done
}

# ---- the cases ----------------------------------------------------------------------

# Runs all cases in this mode, and leaves in $folder: frames, N.answers, N.json,
# NODE.conntrack.
run_cases() {
    local n=0 recorder name from to protocol count option names=()

    for name in $hosts $pods; do
        names+=("$prefix-$name")
    done
    rm -f "$folder/ready" # Of the other mode.
    "$netprobe" record "${names[@]}" > "$folder/frames" 2> "$folder/ready" &
    recorder=$!
    children+=($recorder)
    for _ in {1..50}; do
        grep -qs ready "$folder/ready" && break
        sleep 0.1
    done
    while IFS='|' read -r _ from to protocol count _; do
        n=$((n + 1))
        option=""
        [ "$protocol" = udp ] && option=/udp
        "$netprobe" ask "$prefix-$from" "$protocol" "${to%:*}" "${to#*:}" "$count" \
            $((20000 + 100 * n)) > "$folder/$n.answers" < /dev/null
        "$vethsim" trace "$scenario" --set "proxy=$mode" --from "$from" --to \
            "$([ "$protocol" = tcp ] && echo http://)$to$option" --timeout 700ms \
            --format json > "$folder/$n.json" < /dev/null
    done < "$folder/cases"
    for name in n1 n2; do
        within "$name" cat /proc/net/nf_conntrack > "$folder/$name.conntrack"
    done
    kill $recorder
    wait $recorder
}

# ---- choice -------------------------------------------------------------------------

# Is it plausible that these three numbers come of equal chances?  Chi-square with two
# degrees of freedom: 13.816 at 0.999.
is_even() {
    [ $# = 3 ] && awk -v a="$1" -v b="$2" -v c="$3" 'BEGIN {
        mean = (a + b + c) / 3
        exit mean < 990 || ((a - mean)^2 + (b - mean)^2 + (c - mean)^2) / mean > 13.816
    }'
}

count_answers() {
    "$netprobe" ask "$prefix-c1" tcp 10.96.0.10 80 3000 > "$folder/choices"
    for name in a1 a2 b1; do
        grep -c "^$prefix-$name\$" "$folder/choices"
    done | tr '\n' ' '
}

count_simulated() {
    "$vethsim" run "$scenario" --set "proxy=$mode" --no-plots --output "$folder/run" \
        2> /dev/null | awk '/Connections accepted/ { gsub(",", ""); print $3 }' |
        tr '\n' ' '
}

# is_fair WHO COUNTER: do the counts that COUNTER prints look even?
is_fair() {
    counts=$("$2")
    # shellcheck disable=SC2086
    is_even $counts
}

check_choice() {
    local who=$1 counts

    # One honest kernel in a thousand looks uneven: it may try again, which leaves one in a
    # million.  vethsim's run is always the same.
    if is_fair "$@" || { [ "$who" = kernel ] && is_fair "$@"; }; then
        ok "$mode: $who chooses evenly among three endpoints ($counts)"
    else
        not_ok "$mode: $who chooses evenly among three endpoints ($counts)"
    fi
}

# ---- both modes ---------------------------------------------------------------------

sed 's/ *#.*//;/^$/d;s/ *| */|/g' "$here/cases.txt" > "$folder/cases"
for mode in iptables nftables; do
    build_cluster
    load_rules
    start_servers
    run_cases
    python3 "$here/compare.py" "$folder" "$mode" "$prefix-" ||
        n_failed=$((n_failed + 1))
    check_choice kernel count_answers
    check_choice vethsim count_simulated
    stop_children
    remove_namespaces
done

finish
