#!/usr/bin/env bash
# Does the kernel choose the routes that vethsim chooses?  A namespace gets the interfaces,
# addresses, rules and routes that "vethsim export" prints for a node with two interfaces of
# the Amazon VPC CNI; "ip route get" is then asked for a table of sources, destinations, marks
# and interfaces, and policy_choose is asked the same.  "ip rule" must list what it was given.
#
# Needs root and iproute2; skips without them.
set -u

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$source/build}
vethsim=${VETHSIM:-$build/vethsim}
scenario=$source/tests/kernel/vpc.xml
netns=vs$$-policy
. "$source/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "only root can make network namespaces"
command -v ip > /dev/null || skip_all "there is no ip"
ip netns add "$netns" 2> /dev/null || skip_all "no network namespace can be made here"
folder=$(mktemp -d) || exit 1
trap 'ip netns del "$netns"; rm -rf "$folder"' EXIT

fail() {
    not_ok "$1"
    finish
}

for form in ip-rule routes ip-addr; do
    "$vethsim" export "$scenario" --node n1 --as $form > "$folder/$form" ||
        fail "export as $form"
done

# ---- the node -----------------------------------------------------------------------

ip netns exec "$netns" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
    net.ipv4.conf.default.rp_filter=0
awk -F'"' '$2 == "ifname" { print $4 }' "$folder/ip-addr" | grep -v '^lo$' > "$folder/names"
while read -r name; do
    ip -n "$netns" link add "$name" type veth || fail "interface $name"
done < "$folder/names"
for name in $(ip -n "$netns" -o link | cut -d' ' -f2 | cut -d@ -f1 | tr -d :); do
    ip -n "$netns" link set "$name" up # The other ends, too: a link alone is down.
done
# The kernel routes by each address's subnet; the plug-in takes the second one away again.
awk -F'"' '$2 == "ifname" { name = $4 } $2 == "local" { address = $4 }
    $2 == "prefixlen" { gsub(/[^0-9]/, "", $3); print name, address "/" $3 }' \
    "$folder/ip-addr" | grep -v '^lo ' > "$folder/addresses"
while read -r name address; do
    ip -n "$netns" address add "$address" dev "$name"
done < "$folder/addresses"
ip -n "$netns" route del 10.0.1.0/24 dev eth1
sed -n '/ proto kernel /d;/ table \| dev eni/p' "$folder/routes" | sort -k2,2r |
    sed 's/^/route add /' > "$folder/batch"
# Gateways after the links they are on.
{
    grep -v ' via ' "$folder/batch"
    grep ' via ' "$folder/batch"
    echo "route add $(grep '^default' "$folder/routes" | grep -v ' table ')"
} | ip -n "$netns" -batch - || fail "routes"
sed -n 's/^\([0-9]*\):\t/rule add pref \1 /p' "$folder/ip-rule" |
    grep -v 'pref \(0\|32766\|32767\) ' | ip -n "$netns" -batch - || fail "rules"

# ---- rules and choices --------------------------------------------------------------

ip -n "$netns" rule | sed 's/ *$//' > "$folder/listed"
succeeds "ip rule lists the rules as vethsim prints them" \
    diff -u "$folder/ip-rule" "$folder/listed"

# What the pods of each interface and the world outside send, with and without the mark.
veth=$(grep '^eni' "$folder/names" | head -1)
for saddr in 10.0.1.4 10.0.1.6 10.0.1.7 10.0.1.8 10.0.1.1 10.0.1.200 10.0.9.2; do
    for daddr in 10.0.1.1 10.0.1.2 10.0.1.3 10.0.1.5 10.0.1.8 10.0.1.200 10.0.9.9 \
        203.0.113.7; do
        for mark in 0 0x80 0x4000 0x4080; do
            for iif in "$veth" eth0 eth1; do
                [ "$saddr" = "$daddr" ] || echo "$saddr $daddr $mark $iif"
            done
        done
    done
done > "$folder/cases"

sed 's/$/ 0 0 0/' "$folder/cases" |
    "$build/tests/kernel/policy_choose" "$scenario" n1 > "$folder/chosen" ||
    fail "policy_choose"
while read -r saddr daddr mark iif; do
    ip -n "$netns" route get "$daddr" from "$saddr" iif "$iif" mark "$mark" 2>&1 |
        head -1 | sed -n 's/^local .*/local/p
            s/.*\(via [0-9.]* dev [a-z0-9]*\).*/\1/p;t
            s/.*\(dev [a-z0-9]*\).*/\1/p;t
            s/.*nreachable.*/unreachable/p'
done < "$folder/cases" > "$folder/kernel"
paste -d' ' "$folder/cases" "$folder/chosen" > "$folder/vethsim.table"
paste -d' ' "$folder/cases" "$folder/kernel" > "$folder/kernel.table"
succeeds "the kernel chooses the same for $(wc -l < "$folder/cases") packets" diff -u \
    "$folder/kernel.table" "$folder/vethsim.table"

finish
