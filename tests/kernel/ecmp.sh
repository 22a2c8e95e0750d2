#!/usr/bin/env bash
# Does the kernel send flows by the next hops that vethsim sends them by?  A namespace gets the
# routes of two, three and four next hops that "vethsim export" prints for a node that was given
# them; "ip route get" is then asked for a table of flows, with the policies l3 and l4 and two
# seeds, and policy_choose is asked the same.
#
# Needs root, iproute2, and net.ipv4.fib_multipath_hash_seed (Linux 6.11) for the choices.
set -u

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$source/build}
vethsim=${VETHSIM:-$build/vethsim}
scenario=$source/tests/kernel/ecmp.xml
netns=vs$$-ecmp
. "$source/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "only root can make network namespaces"
command -v ip > /dev/null || skip_all "there is no ip"
ip netns add "$netns" 2> /dev/null || skip_all "no network namespace can be made here"
folder=$(mktemp -d) || exit 1
trap 'ip netns del "$netns"; rm -rf "$folder"' EXIT

fail() {
    not_ok "$1" "${2-}"
    finish
}

# set_sysctl NAME VALUE; false where the kernel has none of the name.
set_sysctl() {
    ip netns exec "$netns" sysctl -qw "$1=$2" 2> /dev/null
}

# ---- the node -----------------------------------------------------------------------

set_sysctl net.ipv4.ip_forward 1
set_sysctl net.ipv4.conf.all.rp_filter 0
set_sysctl net.ipv4.conf.default.rp_filter 0
ip -n "$netns" link add in type veth
for i in 0 1 2 3; do
    ip -n "$netns" link add "eth$i" type veth || fail "interface eth$i"
    ip -n "$netns" address add "10.0.$((i + 1)).1/24" dev "eth$i"
done
for name in $(ip -n "$netns" -o link | cut -d' ' -f2 | cut -d@ -f1 | tr -d :); do
    ip -n "$netns" link set "$name" up # The other ends, too: a link alone is down.
done
"$vethsim" export "$scenario" --node n1 --as routes > "$folder/routes" ||
    fail "export as routes"
grep -v ' proto kernel ' "$folder/routes" | sed ':a;N;$!ba;s/\n\t/ /g' |
    sed 's/^/route add /' | ip -n "$netns" -batch - || fail "ip takes the routes"

ip -n "$netns" route | grep -v ' proto kernel ' | sed 's/ *$//' > "$folder/listed"
grep -v ' proto kernel ' "$folder/routes" > "$folder/printed"
succeeds "ip route lists the next hops as vethsim prints them" \
    diff -u "$folder/listed" "$folder/printed"

# ---- choices ------------------------------------------------------------------------

choices="the kernel chooses the same next hops"
if ! set_sysctl net.ipv4.fib_multipath_hash_seed 1; then
    skip "$choices" "this kernel has no fib_multipath_hash_seed"
    finish
fi

# What is forwarded, and what is sent here without an address or with one of the node's,
# which kernels before 6.15 do not look for among the next hops.
local_sources="- 10.0.1.1 10.0.2.1 10.0.3.1 10.0.4.1"
[ "$(printf '6.15\n%s\n' "$(uname -r)" | sort -V | head -1)" = 6.15 ] || local_sources=-
for daddr in 192.0.2.7 192.0.2.200 198.51.100.1 198.51.100.99 203.0.113.5 203.0.113.250; do
    for ports in "6 1005 80" "6 40000 443" "6 40001 443" "6 79 80" "17 53124 53" "17 53 53"; do
        for saddr in 10.8.8.8 10.8.8.9 10.200.1.77 10.0.9.255 223.255.255.1 8.8.4.4 \
            100.64.0.1 172.31.7.3; do
            echo "$saddr $daddr 0 eth0 $ports"
        done
        for saddr in $local_sources; do
            echo "$saddr $daddr 0 - $ports"
        done
    done
done > "$folder/cases"

while read -r saddr daddr _ iif protocol sport dport; do
    line="route get $daddr ipproto $protocol sport $sport dport $dport"
    [ "$saddr" = - ] || line="$line from $saddr"
    [ "$iif" = - ] || line="$line iif $iif"
    echo "$line"
done < "$folder/cases" > "$folder/questions"

for setting in "l3 1" "l4 1" "l3 3735928559" "l4 3735928559"; do
    read -r policy seed <<< "$setting"
    set_sysctl net.ipv4.fib_multipath_hash_policy "$([ "$policy" = l3 ] && echo 0 || echo 1)"
    set_sysctl net.ipv4.fib_multipath_hash_seed "$seed"
    "$build/tests/kernel/policy_choose" "$scenario" n1 "policy=$policy" "seed=$seed" \
        < "$folder/cases" > "$folder/chosen" || fail "policy_choose"
    ip -n "$netns" -o -batch "$folder/questions" |
        sed 's/.*\(via [0-9.]* dev [a-z0-9]*\).*/\1/' > "$folder/kernel"
    paste -d' ' "$folder/cases" "$folder/chosen" > "$folder/vethsim.table"
    paste -d' ' "$folder/cases" "$folder/kernel" > "$folder/kernel.table"
    succeeds "$choices for $(wc -l < "$folder/kernel") flows, $policy with seed $seed" \
        diff -u "$folder/kernel.table" "$folder/vethsim.table"
    [ "$(wc -l < "$folder/kernel")" -ge 250 ] || not_ok "the kernel has answered"
    [ "$(sort -u "$folder/kernel" | wc -l)" = 4 ] || not_ok "all next hops are chosen"
done

finish
