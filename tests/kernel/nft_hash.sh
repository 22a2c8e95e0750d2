#!/usr/bin/env bash
# Do jhash and numgen choose as the kernel's do?  Rules at the output hook of a namespace put
# what they choose for each packet into a set of their own for each choice; packets of a list
# are sent there, and nft_walk walks the same rules for the same list.  Then "nft list ruleset"
# and what the library prints must be one text: rules, counts and elements.
#
# Needs root, iproute2, and nft 1.0.6, whose forms the library prints.
set -u

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$source/build}
netprobe=$build/tests/kernel/netprobe
walk=$build/tests/kernel/nft_walk
netns=vs$$-hash
. "$source/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "only root can make network namespaces"
command -v ip > /dev/null || skip_all "there is no ip"
command -v nft > /dev/null || skip_all "there is no nft"
nft --version | grep -q 'v1\.0\.6' || skip_all "needs nft 1.0.6: others print otherwise"
ip netns add "$netns" 2> /dev/null || skip_all "no network namespace can be made here"
folder=$(mktemp -d) || exit 1
trap 'ip netns del "$netns"; rm -rf "$folder"' EXIT

fail() {
    not_ok "$1" "${2-}"
    finish
}

real() {
    ip netns exec "$netns" nft "$@"
}

# What is sent ends here: the other end takes frames to no address of its own for others'.
ip -n "$netns" link add out type veth peer name far || fail "interfaces"
ip netns exec "$netns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip -n "$netns" link set far up
ip -n "$netns" link set out arp off up
ip -n "$netns" address add 10.9.0.1/24 dev out
ip -n "$netns" route add default dev out
real list ruleset > /dev/null 2>&1 || skip_all "the kernel has no nftables here"

# ---- packets: no two have the same addresses and ports ------------------------------

for i in $(seq 0 199); do
    saddr=10.$((i % 7)).$((i * 37 % 256)).$((i * 11 % 251 + 1))
    daddr=198.51.$((i % 5)).$((i * 101 % 254 + 1))
    echo "$saddr $daddr udp $((1024 + i * 257)) $((i % 3 == 0 ? 53 : 4000 + i)) $((32 + i % 3))"
    echo "$saddr $daddr tcp $((60000 - i * 131)) $((i % 2 ? 443 : 80 + i)) $((64 + i % 2))"
done > "$folder/cases"

# ---- rules --------------------------------------------------------------------------

key="ip saddr . ip daddr . th sport . th dport"
types="ipv4_addr . ipv4_addr . inet_service . inet_service"
n_rules=0

# spread NUMBER MODULUS OFFSET: a rule that sends each number to a chain of its own.
spread() {
    local map="" number

    n_rules=$((n_rules + 1))
    for number in $(seq "$3" $(($3 + $2 - 1))); do
        echo "set r${n_rules}_$number { type $types; size 65535; flags dynamic; }" >> "$folder/sets"
        echo "chain c${n_rules}_$number { add @r${n_rules}_$number { $key }; }" >> "$folder/chains"
        map="$map${map:+, }$number : jump c${n_rules}_$number"
    done
    echo "$1 vmap { $map }" >> "$folder/rules"
}

# jhash KEY: with four moduli, seeds and offsets.
jhash() {
    local hash

    while read -r modulus seed offset; do
        hash="jhash $1 mod $modulus seed $seed"
        [ "$offset" = 0 ] || hash="$hash offset $offset"
        spread "$hash" "$modulus" "$offset"
    done << 'END'
2 0x0 0
3 0xdeadbeef 10
4 0x1 0
7 0xffffffff 1000000
END
}

# write_rules: the ruleset of what was asked for.
write_rules() {
    echo "table ip t {"
    cat "$folder/sets" "$folder/chains"
    echo "chain marked { type filter hook output priority -200; policy accept;"
    echo "meta l4proto udp meta mark set 0x12345678; }"
    echo "chain out { type filter hook output priority 0; policy accept;"
    cat "$folder/rules"
    echo "}"
    cat "$folder/more"
    echo "}"
}

begin_rules() {
    n_rules=0
    for file in sets chains rules more; do
        : > "$folder/$file"
    done
}

# compare FACT: sends the packets here and there.
compare() {
    write_rules > "$folder/ruleset"
    real flush ruleset
    real -f "$folder/ruleset" || fail "$1: nft takes the rules"
    "$netprobe" send "$netns" < "$folder/cases" || fail "$1: the packets are sent"
    real list ruleset > "$folder/kernel"
    "$walk" "$folder/ruleset" < "$folder/cases" > "$folder/vethsim" || fail "$1: nft_walk"
    # What maps of both have chosen, each packet once a rule.
    [ "$(grep -c ' \. .* \. .* \. ' "$folder/kernel")" -ge 400 ] ||
        not_ok "$1: the kernel has seen the packets"
    succeeds "$1" diff -u "$folder/kernel" "$folder/vethsim"
}

# ---- translation: first, for later no packet begins a connection ----------------------

begin_rules
cat > "$folder/more" << END
set dnated { type $types; size 65535; flags dynamic; }
chain nat {
type nat hook output priority -100; policy accept;
ip saddr 10.1.0.0/16 dnat to jhash ip saddr . ip daddr mod 3 seed 0x6 map { 0 : 10.8.0.1, 1 : 10.8.0.2, 2 : 10.8.0.3 }
ip saddr 10.2.0.0/16 dnat to jhash ip saddr mod 8 seed 0x7 map { 0-2 : 10.8.1.1, 4-7 : 10.8.1.2 } persistent
ip saddr 10.3.0.0/16 udp dport 4000-5000 dnat to jhash ip saddr . udp sport mod 2 seed 0x8 map { 0 : 10.8.2.1, 1 : 10.8.2.2 }:8080
ip saddr 10.4.0.0/16 meta l4proto tcp dnat ip to jhash tcp sport mod 2 seed 0x9 offset 3 map { 3 : 10.8.3.1 . 81, 4 : 10.8.3.2 . 82 }
ip saddr 10.5.0.0/16 dnat to numgen inc mod 3 map { 0 : 10.8.4.1, 1 : 10.8.4.2, 2 : 10.8.4.3 }
counter
}
chain last { type filter hook output priority 100; policy accept; add @dnated { $key }; }
END
compare "dnat to what a map of a hash or of numgen says"

# ---- jhash --------------------------------------------------------------------------

begin_rules
jhash "ip saddr"
jhash "ip saddr . ip daddr"
jhash "ip saddr . udp sport"
jhash "ip daddr . tcp dport"
jhash "ip saddr . ip daddr . ip protocol . th sport . th dport"
compare "jhash of addresses and ports, for $(wc -l < "$folder/cases") packets and $n_rules rules"

begin_rules
for part in "udp sport" "meta mark" "ip ttl" "ip length" "meta l4proto" "ct original proto-src"; do
    case $part in
    ct*) spread "meta l4proto tcp jhash $part mod 5 seed 0x7" 5 0 ;;
    *) spread "jhash $part mod 5 seed 0x7" 5 0 ;;
    esac
done
jhash "ip protocol . ip saddr"
jhash "meta mark . ip saddr . th dport"
jhash "ip ttl . ip length . ip saddr"
jhash "ct original ip saddr . ct original ip daddr . ct direction"
compare "jhash of parts of all lengths, alone and concatenated"

begin_rules
cat > "$folder/rules" << 'END'
jhash ip saddr mod 4 seed 0x2 1 counter
jhash ip saddr mod 4 seed 0x2 != 1 counter
jhash ip saddr mod 4 seed 0x2 1-2 counter
jhash ip saddr mod 4 seed 0x2 0-1 counter
jhash ip saddr mod 4 seed 0x2 < 2 counter
jhash ip saddr mod 4 seed 0x2 >= 3 counter
jhash ip saddr . udp sport mod 7 seed 0x3 offset 5 { 5, 7, 9-11 } counter
jhash ip saddr . udp sport mod 7 seed 0x3 offset 5 != { 5, 7 } counter
ip daddr . jhash ip saddr mod 2 seed 0x4 { 198.51.0.1 . 0, 198.51.1.102 . 1 } counter
jhash tcp sport mod 9 seed 0x5 vmap { 0-3 : continue, 8 : return }
counter
END
cat > "$folder/more" << END
set seen { type $types; size 65535; flags dynamic; }
chain last { type filter hook output priority 100; policy accept; add @seen { $key }; }
END
compare "matches of a hash: one value, ranges, orders, sets"

# ---- numgen -------------------------------------------------------------------------

begin_rules
spread "numgen inc mod 1" 1 0
spread "numgen inc mod 2" 2 0
spread "numgen inc mod 7 offset 10" 7 10
spread "udp dport 53 numgen inc mod 5" 5 0
echo "numgen inc mod 3 1 counter" >> "$folder/rules"
echo "numgen inc mod 3 offset 6 > 6 counter" >> "$folder/rules"
compare "numgen inc from its first number on"

# chi_square FILE: of the counts of a rule's chains.
chi_square() {
    sed -n 's/^.*counter packets \([0-9]*\) bytes.*/\1/p' "$1" | awk '
        { n[NR] = $1; sum += $1 }
        END { for (i = 1; i <= NR; i++) x += (n[i] - sum / NR) ^ 2 / (sum / NR)
              exit !(NR == 7 && sum >= 2800 && x < 33.1) }' # 6 degrees of freedom: 1e-5
}

begin_rules
for number in 0 1 2 3 4 5 6; do
    echo "chain c$number { counter; }"
done > "$folder/chains"
echo "numgen random mod 7 vmap { 0 : jump c0, 1 : jump c1, 2 : jump c2, 3 : jump c3," \
    "4 : jump c4, 5 : jump c5, 6 : jump c6 }" > "$folder/rules"
write_rules > "$folder/ruleset"
for _ in 1 2 3 4 5 6 7; do
    cat "$folder/cases"
done > "$folder/many"
real flush ruleset
real -f "$folder/ruleset" || fail "nft takes numgen random"
"$netprobe" send "$netns" < "$folder/many"
real list ruleset > "$folder/kernel"
"$walk" "$folder/ruleset" < "$folder/many" > "$folder/vethsim"
succeeds "the kernel's numgen random is uniform over 2800 packets" chi_square "$folder/kernel"
succeeds "numgen random is, too" chi_square "$folder/vethsim"

finish
