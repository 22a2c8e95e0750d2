#!/bin/bash
# A node's rules, addresses and routes: exported, loaded in place of generated ones and
# exported again they are the same text, and the run is the same run.  Then the mistakes that
# only such files have: each is one line that names the file and the place in it.

. "${top_srcdir:-.}/tests/cli/command.sh"
digest=$top_builddir/tests/golden/digest

# export_all SCENARIO FORM SUFFIX NODES...: into NODE.SUFFIX.
export_all() {
    local file=$1 form=$2 suffix=$3 node

    shift 3
    for node in "$@"; do
        "$vethsim" export "$file" --node "$node" --as "$form" > "$folder/$node.$suffix" ||
            return 1
    done
}

# same_again SCENARIO FORM SUFFIX NODES...: prints how exports differ from NODE.SUFFIX.
same_again() {
    local file=$1 form=$2 suffix=$3 node

    shift 3
    for node in "$@"; do
        "$vethsim" export "$file" --node "$node" --as "$form" 2>&1 |
            diff "$folder/$node.$suffix" - 2>&1
    done
}

# same_run A B: prints the digests if they differ.
same_run() {
    local a b

    a=$("$digest" "$1" 1s 2>&1)
    b=$("$digest" "$2" 1s 2>&1)
    [ "$a" = "$b" ] || echo "$a is not $b"
}

nodes="node-1 node-2 node-3"

# ---- Rules of iptables mode. ---------------------------------------------------------
article=$top_srcdir/scenarios/article/scenario.xml
given=$folder/iptables.xml
export_all "$article" iptables-save rules $nodes
sed 's|<node id="node"|& iptables-rules="node-${index}.rules"|' "$article" > "$given"
result "iptables-save of the article's nodes, loaded, is the same text" \
    "$(same_again "$given" iptables-save rules $nodes)"
result "and its run is the run of the generated rules" "$(same_run "$article" "$given")"

# ---- Counters: what chains and rules had counted stays. --------------------------------
for form in iptables-save iptables-save-c; do
    "$vethsim" export "$article" --node node-1 --as $form --at 1s > "$folder/counted.rules"
    sed 's|<node id="node"|& iptables-rules="counted.rules"|' "$article" > "$folder/counted.xml"
    result "$form after a second, loaded, is the same text" \
        "$("$vethsim" export "$folder/counted.xml" --node node-1 --as $form 2>&1 |
            diff "$folder/counted.rules" - 2>&1)"
    result "$form: built-in chains have counted" \
        "$(grep -Eq '^:FORWARD ACCEPT \[[1-9][0-9]*:[1-9][0-9]*\]$' "$folder/counted.rules" ||
            grep '^:FORWARD' "$folder/counted.rules")"
done
result "rules have counted with -c" \
    "$(grep -Eq '^\[[1-9][0-9]*:[1-9][0-9]*\] -A KUBE-SVC-' "$folder/counted.rules" ||
        grep -m 3 'A KUBE-SVC' "$folder/counted.rules")"

# Nobody generates rules where some were given: with none of them, there is no service.
printf '*filter\nCOMMIT\n' > "$folder/empty.rules"
sed 's|<node id="node"|& iptables-rules="empty.rules"|' "$article" > "$folder/empty.xml"
result "kube-proxy adds nothing to rules that were given" \
    "$("$vethsim" export "$folder/empty.xml" --node node-1 --as iptables-save 2>&1 |
        diff - <(printf '*filter\n:%s ACCEPT [0:0]\n:%s ACCEPT [0:0]\n:%s ACCEPT [0:0]\nCOMMIT\n' \
            INPUT FORWARD OUTPUT))"

# ---- Rules of nftables mode, with the kubelet's of iptables. --------------------------
generated=$folder/nft-generated.xml
given=$folder/nft.xml
sed 's|default="iptables"|default="nftables"|' "$article" > "$generated"
export_all "$generated" nft nft $nodes
export_all "$generated" nft-json json $nodes
export_all "$generated" iptables-save rules $nodes
sed 's|<node id="node"|& nft-rules="node-${index}.nft" iptables-rules="node-${index}.rules"|' \
    "$article" > "$given"
result "nft list ruleset, loaded, is the same text" "$(same_again "$given" nft nft $nodes)"
result "and the same JSON" "$(same_again "$given" nft-json json $nodes)"
result "and the kubelet's rules beside it stay" \
    "$(same_again "$given" iptables-save rules $nodes)"
result "and its run is the run of the generated rules" "$(same_run "$generated" "$given")"

# ---- Virtual servers of ipvs mode, with the rules and sets beside them. ----------------
generated=$top_srcdir/scenarios/ipvs/scenario.xml
given=$folder/ipvs.xml
export_all "$generated" ipvsadm ipvs $nodes
export_all "$generated" iptables-save rules $nodes
export_all "$generated" ipset sets $nodes
sed 's|<node id="node"|& ipvs-rules="node-${index}.ipvs" iptables-rules="node-${index}.rules" ipsets="node-${index}.sets"|
     s|<cluster proxy="ipvs" ipvs-scheduler="[^"]*"/>|<cluster/>|
     /name="scheduler"/d' "$generated" > "$given"
result "ipvsadm -Sn, loaded, is the same text" "$(same_again "$given" ipvsadm ipvs $nodes)"
result "and the sets that its rules ask for stay" "$(same_again "$given" ipset sets $nodes)"
result "and its run is the run of the generated servers" "$(same_run "$generated" "$given")"
printf -- '-A -t 10.96.0.1:443 -s fancy\n' > "$folder/node.ipvs"
printf '*filter\nCOMMIT\n' > "$folder/node.rules"
cat > "$folder/bad-ipvs.xml" << END
<scenario version="1" until="1s" xmlns="urn:vethsim:scenario:1">
  <node id="n1" iptables-rules="node.rules" ipvs-rules="node.ipvs"/>
</scenario>
END
result "an unknown scheduler is refused with its line" \
    "$("$vethsim" check "$folder/bad-ipvs.xml" 2>&1 | grep -q 'node.ipvs:1: .*fancy' || echo no)"

# ---- Addresses and routes, of every network plug-in. ----------------------------------
# addresses_and_routes NAME SCENARIO COPY NODES...
addresses_and_routes() {
    local name=$1 file=$2 given=$3

    shift 3
    export_all "$file" ip-addr addr "$@"
    export_all "$file" ip-route route "$@"
    sed 's|<node id="node"|& addresses="'"$folder"'/node-${index}.addr" routes="'"$folder"'/node-${index}.route"|' \
        "$file" > "$given"
    result "$name: addresses, loaded, are the same" "$(same_again "$given" ip-addr addr "$@")"
    result "$name: routes, loaded, are the same" "$(same_again "$given" ip-route route "$@")"
    result "$name: the run is the same" "$(same_run "$file" "$given")"
}

addresses_and_routes article "$article" "$folder/addresses.xml" $nodes
mkdir "$folder/cni"
cp "$top_srcdir/scenarios/cni/shop.xml" "$folder/cni/"
for cni in aws-vpc calico calico-vxlan cilium flannel-vxlan; do
    mkdir "$folder/cni/$cni"
    addresses_and_routes "$cni" "$top_srcdir/scenarios/cni/$cni/scenario.xml" \
        "$folder/cni/$cni/scenario.xml" node-1 node-2
done

# ---- An interface that is down carries nothing, and is the same when exported. -----------
cat > "$folder/down.xml" << 'END'
<scenario version="1" until="1s" xmlns="urn:vethsim:scenario:1">
  <node id="n1" addresses="down.addr" routes="down.route" iptables-rules="down.rules"/>
  <client id="c" arrivals="constant(1/s)" stop="500ms" to="http://10.0.0.2/" timeout="100ms"/>
  <link from="c" to="n1" subnet="10.0.0.0/24"/>
</scenario>
END
echo '[{"ifname":"docker0","flags":["BROADCAST","MULTICAST"],"mtu":1400,"addr_info":[]}]' \
    > "$folder/down.addr"
echo '[{"dst":"192.0.2.0/24","dev":"docker0","scope":"link","flags":[]}]' > "$folder/down.route"
printf '*nat\n-A PREROUTING -p tcp -j DNAT --to-destination 192.0.2.99\nCOMMIT\n' \
    > "$folder/down.rules"
"$vethsim" export "$folder/down.xml" --node n1 --as ip-addr > "$folder/down-again.addr"
result "an interface that is down has no UP and its MTU" \
    "$(tr -d ' \n' < "$folder/down-again.addr" |
        grep -Fq '"ifname":"docker0","flags":["BROADCAST","MULTICAST"],"mtu":1400' ||
        cat "$folder/down-again.addr")"
cp "$folder/down-again.addr" "$folder/down.addr"
result "and is the same, loaded" \
    "$("$vethsim" export "$folder/down.xml" --node n1 --as ip-addr 2>&1 |
        diff "$folder/down-again.addr" - 2>&1)"
result "packets to it are dropped" \
    "$(cd "$folder" && "$vethsim" run down.xml -o down --no-plots > down.log 2>&1
        grep -q 'dropped: interface-down' "$folder/down.log" || cat "$folder/down.log")"

# ---- Sets, which rules ask for. ----------------------------------------------------------
cat > "$folder/node.sets" << 'END'
create BLOCKED hash:net family inet hashsize 1024 maxelem 65536
add BLOCKED 198.51.100.0/28
END
cat > "$folder/node.rules" << 'END'
*filter
-A FORWARD -m set --match-set BLOCKED src -j DROP
COMMIT
END
xmlns='xmlns="urn:vethsim:scenario:1"'

# one_node ATTRIBUTES: a scenario of a node n1 at a router, as one.xml; the node is line 2.
one_node() {
    cat > "$folder/one.xml" << END
<scenario version="1" until="1s" $xmlns>
  <node id="n1" $1/>
  <router id="r"/>
  <link from="n1" to="r"/>
</scenario>
END
}

one_node 'iptables-rules="node.rules" ipsets="node.sets"'
"$vethsim" export "$folder/one.xml" --node n1 --as ipset > "$folder/n1.sets"
one_node 'iptables-rules="node.rules" ipsets="n1.sets"'
result "ipset save, loaded, is the same text" "$(same_again "$folder/one.xml" ipset sets n1)"
result "and has the set's elements" \
    "$(grep -q 'add BLOCKED 198.51.100.0/28' "$folder/n1.sets" || echo "it has not")"

# ---- What a file says counts. ------------------------------------------------------------
routes_of() {
    "$vethsim" export "$folder/one.xml" --node n1 --as routes 2>&1
}

cat > "$folder/a.json" << 'END'
[{"ifname":"eth0","flags":["UP"],"mtu":1400,
  "addr_info":[{"family":"inet","local":"192.0.2.10","prefixlen":24},
               {"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}]}]
END
cat > "$folder/r.json" << 'END'
[{"dst":"default","gateway":"192.0.2.3","dev":"eth0","metric":200},
 {"dst":"default","gateway":"192.0.2.2","dev":"eth0","metric":100},
 {"type":"unreachable","dst":"10.0.0.0/8","flags":[]},
 {"type":"blackhole","dst":"10.1.0.0/16","flags":[]},
 {"dst":"198.51.100.7","dev":"eth0","scope":"link","prefsrc":"192.0.2.10","flags":[]}]
END
one_node 'addresses="a.json" routes="r.json"'
expected='default via 192.0.2.2 dev eth0
unreachable 10.0.0.0/8
blackhole 10.1.0.0/16
10.244.0.0/24 dev cni0 proto kernel scope link src 10.244.0.1
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.10
198.51.100.7 dev eth0 scope link src 192.0.2.10'
result "routes of a file replace all but the connected ones, the lowest metric wins" \
    "$(diff <(routes_of) <(echo "$expected"))"
result "the address of a file is its link's subnet: the other end gets the next free one" \
    "$("$vethsim" export "$folder/one.xml" --node r --as routes |
        grep 'proto kernel' |
        diff - <(echo '192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1'))"
result "the MTU of a file is the interface's, and the plug-in's devices follow as ever" \
    "$("$vethsim" export "$folder/one.xml" --node n1 --as ip-addr | grep '"mtu"' |
        tr -dc '0-9\n' | diff - <(printf '65536\n1500\n1400\n'))"

# ---- A later time. ------------------------------------------------------------------------
cat > "$folder/brief.xml" << 'END'
<scenario version="1" until="1s" xmlns="urn:vethsim:scenario:1">
  <client id="user" arrivals="constant(10/s)" to="http://172.16.0.2:30080/"/>
  <link from="user" to="n1"/>
  <node id="n1"><pod id="a" labels="app=web"><container id="web"/></pod></node>
  <service id="web" type="NodePort" node-port="30080" target-port="8080" select="app=web"/>
</scenario>
END
sed 's/arrivals="constant(10\/s)"/& stop="1s"/' "$folder/brief.xml" > "$folder/stop.xml"

# entries SCENARIO TIME: how many connections n1 tracks.
entries() {
    "$vethsim" export "$folder/$1.xml" --node n1 --as conntrack --at "$2" | grep -c dport=30080
}

result "at the end of the scenario its connections are tracked" \
    "$([ "$(entries stop 1s)" -ge 9 ] || entries stop 1s)"
result "beyond it the run goes on: they have timed out" \
    "$([ "$(entries stop 1h)" -eq 0 ] || entries stop 1h)"
result "and clients that do not stop have new ones" \
    "$([ "$(entries brief 20s)" -gt 150 ] || entries brief 20s)"

# ---- Mistakes. ----------------------------------------------------------------------------
# refused ATTRIBUTES PLACE TEXT: check ends with status 2 and one line, PLACE: ... TEXT.
refused() {
    local output status

    one_node "$1"
    output=$("$vethsim" check "$folder/one.xml" 2>&1)
    status=$?
    if [ $status = 2 ] && [[ $output == "$folder/$2: "*"$3"* ]] &&
        [[ $output != *$'\n'* ]]; then
        result "refused: $3" ""
    else
        result "refused: $3" "status $status: $output"
    fi
}

# Write FILE with the text on stdin, then refused.
refused_file() {
    cat > "$folder/$1"
    refused "$2=\"$1\"" "$1$3" "$4"
}

address='"flags":["UP"],"addr_info":[{"family":"inet","local":"192.0.2.10","prefixlen":24}]'
refused_file x.json addresses ":2" "no JSON; write what ip -j prints" << END
[{"ifname":"lo"},
 {"ifname" "eth0"}]
END
refused_file x.json addresses ":1" "no list" <<< '{"ifname":"eth0"}'
refused_file x.json addresses ": [0]" "no object" <<< '[7]'
refused_file x.json addresses ": [0] (docker0)" "no such interface here (it has lo, cni0, eth0)" \
    <<< '[{"ifname":"docker0","addr_info":[]}]'
refused_file x.json addresses ": [0] (eth0)" "IPv6 is not modelled: 2001:db8::1" << END
[{"ifname":"eth0","addr_info":[{"family":"inet6","local":"2001:db8::1","scope":"global"}]}]
END
refused_file x.json addresses ": [0] (cni0)" "is up here, and not UP in the file" \
    <<< '[{"ifname":"cni0","flags":[]}]'
refused_file x.json addresses ": [0] (docker0)" "not UP has no address here" \
    <<< "[{\"ifname\":\"docker0\",${address/\"UP\"/}}]"
refused_file x.json addresses ": [1] (eth0)" "there twice" \
    <<< "[{\"ifname\":\"eth0\",$address},{\"ifname\":\"eth0\"}]"
refused_file x.json addresses ": [0] (eth0)" "it may be 0 to 65536" \
    <<< '[{"ifname":"eth0","mtu":70000}]'
refused_file x.json addresses ": [0] (eth0)" "at least 68" <<< '[{"ifname":"eth0","mtu":0}]'
refused_file x.json addresses ": [0] (eth0)" "a second address" << END
[{"ifname":"eth0","addr_info":[{"family":"inet","local":"192.0.2.10","prefixlen":24},
                               {"family":"inet","local":"192.0.2.11","prefixlen":24}]}]
END
refused_file x.json addresses ": [0] (eth0)" "needs one" <<< '[{"ifname":"eth0"}]'
refused_file x.json addresses ": [0] (eth0)" "its broadcast's" \
    <<< "[{\"ifname\":\"eth0\",${address/2.10/2.255}}]"
refused_file x.json addresses ": [0] (cni0)" "has 10.244.0.1/24 here, not 192.0.2.10/24" \
    <<< "[{\"ifname\":\"cni0\",$address}]"
refused_file x.json addresses ": [0] (cni0)" "an MTU of 1500 here, not 1450" << END
[{"ifname":"cni0","mtu":1450,
  "addr_info":[{"family":"inet","local":"10.244.0.1","prefixlen":24}]}]
END
refused_file x.json addresses ": [0] (lo)" "has 127.0.0.1/8 here" \
    <<< "[{\"ifname\":\"lo\",$address}]"

refused_file x.json routes ": [0] (default)" "is not a list of next hops" \
    <<< '[{"dst":"default","nexthops":[]}]'
refused_file x.json routes ": [0] (default)" '"metrics" of a route is not modelled' \
    <<< '[{"dst":"default","dev":"eth0","metrics":[{"mtu":1400}]}]'
refused_file x.json routes ": [1] (172.17.0.0/16)" 'no interface "docker0" (there are lo' \
    <<< '[{"dst":"default","dev":"eth0"},{"dst":"172.17.0.0/16","dev":"docker0"}]'
refused_file x.json routes ": [0] (172.17.0.0/16)" 'the flag "linkdown"' \
    <<< '[{"dst":"172.17.0.0/16","dev":"cni0","flags":["linkdown"]}]'
refused_file x.json routes ": [0] (10.0.0.0/8)" 'type "prohibit" is not modelled' \
    <<< '[{"dst":"10.0.0.0/8","type":"prohibit"}]'
refused_file x.json routes ": [1] (default)" "of the same metric" \
    <<< '[{"dst":"default","dev":"eth0"},{"dst":"default","dev":"cni0"}]'
refused_file x.json routes ": [0] (default)" '"prefsrc" is no address of the node' \
    <<< '[{"dst":"default","dev":"eth0","prefsrc":"192.0.2.99"}]'
refused_file x.json routes ": [0] (fe80::/64)" '"dst"' <<< '[{"dst":"fe80::/64","dev":"eth0"}]'
refused_file x.json routes ": [0] (10.244.0.1)" "the node itself has this address" \
    <<< '[{"dst":"10.244.0.1","dev":"eth0"}]'

refused_file x.rules iptables-rules ":3" "TARPIT" << END
*filter
:INPUT ACCEPT [0:0]
-A INPUT -j TARPIT
COMMIT
END
refused_file x.rules iptables-rules ":2" "BLOCKED" << END
*filter
-A INPUT -m set --match-set BLOCKED src -j DROP
COMMIT
END
refused_file x.nft nft-rules ":3" "nowhere" << END
table ip t {
  chain c {
    jump nowhere
  }
}
END
refused 'iptables-rules="missing.rules"' "one.xml:2" "paths start at the folder of this file"
refused 'iptables-rules="node.rules" proxy="iptables"' "one.xml:2" "leave proxy= out"
refused 'ipsets="node.sets"' "one.xml:2" "nobody asks for the sets"
refused 'routes=""' "one.xml:2" "names no file"

finish
