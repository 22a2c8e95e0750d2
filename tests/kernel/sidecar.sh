#!/usr/bin/env bash
# Does the kernel lead connections where vethsim leads them?  Pods with sidecars are network
# namespaces with the rules that "vethsim export" prints, on one bridge; programs of several
# users connect to one another (sidecar.cases), and who accepts says which address it has and
# what SO_ORIGINAL_DST tells.  sidecar_connect says the same of the simulated pods.
#
# Needs root, iproute2, iptables and python3; skips without them.
set -u

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$source/build}
vethsim=${VETHSIM:-$build/vethsim}
here=$source/tests/kernel
scenario=$here/sidecar.xml
prefix=vs$$
pods="w x y z"
. "$source/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "only root can make network namespaces"
for program in ip iptables-nft-restore python3; do
    command -v "$program" > /dev/null || skip_all "there is no $program"
done
unshare --net sh -c "iptables-nft -t nat -A OUTPUT -p tcp -m owner --uid-owner 1 -j REDIRECT" \
    2> /dev/null || skip_all "iptables-nft has no owner match or no REDIRECT here"

folder=$(mktemp -d) || exit 1
children=()

clean_up() {
    [ ${#children[@]} = 0 ] || kill "${children[@]}" 2> /dev/null
    wait 2> /dev/null
    for name in n $pods; do
        ip netns del "$prefix-$name" 2> /dev/null
    done
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

fail() {
    not_ok "$1"
    finish
}

# add_pod NAME NUMBER: a namespace on the bridge, with its rules and its servers.
add_pod() {
    local netns=$prefix-$1

    ip netns add "$netns" && ip -n "$netns" link set lo up &&
        ip -n "$netns" link add eth0 type veth peer name "$1" netns "$prefix-n" &&
        ip -n "$prefix-n" link set "$1" master cni0 up &&
        ip -n "$netns" address add "10.244.0.$2/24" dev eth0 &&
        ip -n "$netns" link set eth0 up || fail "pod $1"
    if "$vethsim" export "$scenario" --node "n/$1" --as iptables-save \
        > "$folder/$1.rules" 2> /dev/null; then
        ip netns exec "$netns" iptables-nft-restore < "$folder/$1.rules" ||
            fail "the rules of pod $1"
    fi
    ip netns exec "$netns" python3 "$here/sidecar.py" serve 8080 9090 15001 15006 \
        > "$folder/$1.ready" &
    children+=($!)
    for _ in $(seq 100); do
        [ -s "$folder/$1.ready" ] && return
        sleep 0.05
    done
    fail "the servers of pod $1"
}

ip netns add "$prefix-n" || skip_all "no network namespace can be made here"
ip -n "$prefix-n" link add cni0 type bridge && ip -n "$prefix-n" link set cni0 up ||
    skip_all "no bridge can be made here"
number=2
for pod in $pods; do
    add_pod "$pod" "$number"
    number=$((number + 1))
done

while read -r pod uid address port; do
    ip netns exec "$prefix-$pod" python3 "$here/sidecar.py" ask "$uid" "$address" "$port" \
        < /dev/null
done < "$here/sidecar.cases" > "$folder/kernel"
"$build/tests/kernel/sidecar_connect" "$scenario" < "$here/sidecar.cases" \
    > "$folder/vethsim" || fail "sidecar_connect"
paste -d' ' "$here/sidecar.cases" "$folder/kernel" > "$folder/kernel.told"
paste -d' ' "$here/sidecar.cases" "$folder/vethsim" > "$folder/vethsim.told"
succeeds "$(wc -l < "$here/sidecar.cases") connections end where vethsim says" \
    diff -u "$folder/kernel.told" "$folder/vethsim.told"
finish
