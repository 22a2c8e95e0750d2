#!/usr/bin/env bash
# Does the real iptables understand what we print, and print it just so?  In a namespace of
# its own: iptables_cat FILE | iptables-restore; iptables-save must give the same text, for
# each of the program's two back ends that works here.  The same for the rules of nodes with
# network plug-ins, and of pods with sidecars, as "vethsim export" prints them.
#
# Needs root, iptables and ipset; skips without them.
set -eu

source=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$source/build}
cat=$build/tests/netfilter/iptables_cat
vethsim=${VETHSIM:-$build/vethsim}
rules=$source/tests/netfilter/rules
. "$source/tests/tap.sh"

# Inside the namespace: compares for the back end $1 the rules $2 (the sets are there).
if [ "${1-}" = --inside ]; then
    backend=$2
    printed=$3
    saved=$4
    ipset restore < "$5"
    "iptables-$backend-restore" < "$printed"
    # iptables-legacy-save has the tables in the order of their making.
    for table in mangle raw filter nat; do
        if grep -q "^\*$table\$" "$printed"; then
            "iptables-$backend-save" -t "$table"
        fi
    done | grep -v '^#' > "$saved"
    exit 0
fi

[ "$(id -u)" = 0 ] || skip_all "only root can make a network namespace"
for program in unshare iptables-nft-restore iptables-legacy-restore ipset; do
    command -v "$program" > /dev/null || skip_all "there is no $program"
done
unshare --net true 2> /dev/null || skip_all "no network namespace can be made here"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The kernel may lack a back end, or sets.
works() {
    printf '*nat\n-A POSTROUTING -m statistic --mode random --probability 0.5 -j ACCEPT\nCOMMIT\n' > "$work/probe"
    unshare --net sh -c "ipset create a hash:ip && iptables-$1-restore < $work/probe" \
        > /dev/null 2>&1
}

# check NAME SETS: what is in printed.
check() {
    if unshare --net bash "$0" --inside "$backend" "$work/printed" "$work/saved" "$2" &&
        diff -u "$work/printed" "$work/saved"; then
        ok "iptables-$backend saves $1 as we print it"
    else
        not_ok "iptables-$backend saves $1 as we print it"
    fi
}

# plugin_rules CLUSTER: prints the rules of a node of such a cluster, and its sets to sets.
plugin_rules() {
    cat > "$work/node.xml" << END
<scenario version="1" until="1s" xmlns="urn:vethsim:scenario:1">
  <cluster $1/>
  <node id="n"/>
  <router id="r"/>
  <link from="n" to="r" subnet="10.0.0.0/24"/>
  <pod id="p" count="2" nodes="n" labels="app=p"><container id="web"/></pod>
  <service id="s" select="app=p"/>
</scenario>
END
    "$vethsim" export "$work/node.xml" --node n --as ipset > "$work/sets" 2> /dev/null ||
        : > "$work/sets" # Not all have sets.
    "$vethsim" export "$work/node.xml" --node n --as iptables-save
}

# sidecar_rules: those that lead a pod's connections to its proxy.
sidecar_rules() {
    cat > "$work/pod.xml" << END
<scenario version="1" until="1s" xmlns="urn:vethsim:scenario:1">
  <node id="n"><pod id="p"><container id="web"/>
    <sidecar exclude-inbound-ports="22" exclude-outbound-ports="3306 6379"
             exclude-outbound-cidrs="10.9.0.0/16" include-outbound-cidrs="10.0.0.0/8"/>
  </pod></node>
</scenario>
END
    : > "$work/sets"
    "$vethsim" export "$work/pod.xml" --node n/p --as iptables-save
}

n_backends=0
for backend in nft legacy; do
    if ! works "$backend"; then
        echo "# iptables-$backend does not work here"
        continue
    fi
    n_backends=$((n_backends + 1))
    for file in options.rules sets.rules kube_proxy.restore; do
        "$cat" --ipset "$rules/sets.ipset" "$rules/$file" > "$work/printed"
        check "$file" "$rules/sets.ipset"
    done
    for cluster in 'ip-masq="yes"' 'cni="calico"' 'cni="aws-vpc"' 'cni="flannel-vxlan"'; do
        plugin_rules "$cluster" > "$work/printed"
        check "the rules of $cluster" "$work/sets"
    done
    sidecar_rules > "$work/printed"
    check "the rules of a sidecar" "$work/sets"
done
[ "$n_backends" -gt 0 ] || skip_all "neither iptables-nft nor iptables-legacy works here"
finish
