#!/bin/bash
# vethsim trace from outside: what it prints, in text and JSON, and what it refuses.

. "${top_srcdir:-.}/tests/cli/command.sh"
scenarios=$(realpath "${top_srcdir:-.}")/scenarios
schema=$(realpath "${top_srcdir:-.}")/docs/trace.schema.json
cd "$folder" || exit 1

# has_all PART...: the last run printed each of these, one after the other, line ends and
# blanks being one.
has_all() {
    local rest
    local one

    rest=$(tr -s ' \n' ' ' < "$folder/out")
    for one in "$@"; do
        [[ $rest == *"$one"* ]] || return 1
        rest=${rest#*"$one"}
    done
}

# is_valid FILE: by the schema, and the stages add up.
is_valid() {
    python3 - "$schema" "$1" << 'EOF'
import json
import sys

import jsonschema

schema, story = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(story)
assert sum(stage["elapsed_ps"] for stage in story["stages"]) == story["end_to_end_ps"]
EOF
}

one_wire=$scenarios/tutorial/01-one-wire
article=$scenarios/article/scenario.xml
cart="--from users --to http://shop.example/cart"

run trace --help
check "the help has examples" said 0 "--to http://shop.example/cart" ""
run trace --schema
check "--schema prints the published schema" cmp -s out "$schema"

run trace "$one_wire/scenario.xml" --from user --to http://172.16.0.2:30080/
check "the tutorial's story is expected.trace (tests/golden/renew.sh writes it)" \
    diff "$one_wire/expected.trace" out
# shellcheck disable=SC2086
{
    run trace "$article" $cart
    check "the article's story has a packet after packet" said 0 "Packet 9, at " ""
    check "and the whole way of the request" has_all "users/root 0.000 ns sent by a socket" \
        "internet/root" "edge/root" "load balancer: backend node-" "nat: destination (as" \
        "dport 80 -> 30000" "tor/root" "bridge br0: to port" "/root" "in by eth0" \
        "/ingress-" "taken by a socket" "container" "end to end"
    check "with kube-proxy's rules from the node port to the endpoint" has_all \
        "conntrack: new, 172.16.0.17:" "jump KUBE-SERVICES" "=> jump KUBE-NODEPORTS" \
        "--dport 30000 -j KUBE-EXT-" "=> jump KUBE-MARK-MASQ" "=> jump KUBE-SVC-" \
        "=> jump KUBE-SEP-" "=> dnat (protocol is tcp)" "nat: destination (by rule 2 of chain KUBE-SEP-" \
        "dport 30000 -> 80" "route: unicast, 10.244." "hook FORWARD" "chain KUBE-FORWARD" \
        "hook POSTROUTING" "=> masquerade" "nat: source (by rule 3 of chain KUBE-POSTROUTING" \
        "conntrack: confirmed, 172.16.0.17:" "nat: destination (back, by the connection's entry)"
    check "of at most 100 columns" sh -c "! grep -q '.\{101\}' out"
    run trace "$article" $cart --seed 8
    check "another seed is another story" said 0 "article: " ""
    run trace "$article" $cart --at 2s --timeout 1ms
    check "--timeout is in force" said 0 "unresolved, after 1.000ms" ""
    run trace "$article" $cart --set rate=10/s --with-load
    check "clients may send, too" said 0 "completed: 200 OK" ""
    run trace "$article" $cart --why-not node-3
    check "--why-not explains a backend" said 0 "the choice of round-robin fell on another" ""
    run trace "$article" $cart --why-not "default/shop -> "
    check "or an endpoint that a draw passed by, with its probability" \
        has_all "of chain KUBE-SVC-" "the draw " "(probability 0."
    run trace "$article" $cart --why-not "default/ingress-nginx loadbalancer IP"
    check "or a rule of another address" \
        has_all "failed because daddr 172.16.0.18 is not 203.0.113.10" \
        "never reached: no packet of the request came here"
    sed 's/<node /<node proxy="nftables" /' "$article" > nft.xml
    for address in 10.244.0.3 10.244.1.3 10.244.2.2; do
        run trace nft.xml $cart --why-not "default/shop/tcp/__$address/"
        echo "$out"
    done > choices
    check "or two of three elements of a map" \
        [ "$(tr -s ' \n' ' ' < choices | grep -o 'chose another: goto endpoint' | wc -l)" -eq 2 ]
    run trace "$article" $cart --why-not KUBE-NODPORTS
    check "--why-not gives the nearest chain" said 2 "" 'did you mean "KUBE-NODEPORTS"?'
    run trace "$article" $cart --why-not nod-3
    check "--why-not gives the nearest name" said 2 "" 'did you mean "node-3"?'
}

mesh=$scenarios/sidecar/scenario.xml
run trace "$mesh" --from users --to http://172.16.0.2:30080/
check "a sidecar's rules lead there and back, and owners are told" has_all \
    "jump ISTIO_INBOUND" "--to-ports 15006 => redirect" "dport 8080 -> 15006" \
    "sidecar, inbound: 10.244.0.2:8080, on a new connection" "127.0.0.6:32768 > 10.244.0.2:8080" \
    "-s 127.0.0.6/32 -o lo -j RETURN => return" "user 0 is not 1337" \
    "--to-ports 15001 => redirect" "daddr 10.96.0.12 -> 127.0.0.1" "dport 80 -> 15001" \
    "sidecar, outbound: 10.244.1." "among the 3 endpoints of service api, with mutual TLS" \
    "user is 1337"
run trace "$mesh" --from users --to http://172.16.0.2:30080/ --why-not api-2
check "--why-not explains the endpoint that a sidecar did not choose" has_all \
    "node-1/web api-2 (10.244.1.3:8080) envoy-least-request chose another; chosen was"
run trace "$mesh" --from users --to http://172.16.0.2:30080/ --why-not ISTIO_REDIRECT
check "and the redirect that a connection did not meet" has_all \
    "-A ISTIO_OUTPUT -j ISTIO_REDIRECT never reached: chain ISTIO_OUTPUT was left"

if python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2> /dev/null; then
    while read -r from to more; do
        # shellcheck disable=SC2086
        run trace "$article" --from "$from" --to "$to" --format json $more
        check "the JSON from $from to $to $more is valid and adds up" is_valid out
    done << 'END'
users http://shop.example/cart
users http://shop.example/cart --with-load
users http://shop.example/cart --why-not node-2
users http://nowhere.example/
users 192.0.2.1:80
ingress-1 http://shop.example/
shop-pod-1 http://shop/
shop-pod-1 10.244.0.2:81
shop-pod-1 10.96.0.12:81
shop-pod-1 10.244.0.2:53/udp
users http://shop.example/cart --why-not node-2 --why-not node-3
END
else
    skip "the JSON is valid" "there is no python3-jsonschema"
fi

sed 's/select="app=shop"/select="app=none"/' "$article" > none.xml
run trace none.xml --from shop-pod-1 --to http://shop/
check "a rule's refusal shows, and the way of its answer" has_all "refused, after" \
    "has no endpoints" "=> reject (daddr is 10.96.0.12" "DROPPED" "ICMP port unreachable" \
    "made here about 10.244.0.3:" "conntrack: related" "node-1/shop-pod-1" "in by eth0"

# Pods p-1 to p-3 of a service on n1, asked by a pod; and a service that nobody can resolve.
small='<scenario version="1" until="3s" xmlns="urn:vethsim:scenario:1"><client id="user"
    arrivals="constant(1/s)" to="http://172.16.0.2:30080/"/><switch id="sw"/>
  <link from="user" to="sw"/><link from="n1" to="sw"/><link from="n2" to="sw"/>
  <node id="n1"/><node id="n2" iptables-rules="reject.rules"/>
  <pod id="p" nodes="n1" count="3" labels="app=web"><container id="web" port="8080"/></pod>
  <pod id="q" nodes="n2" labels="app=q"><container id="q" port="8080"/></pod>
  <pod id="asking" nodes="n1"><container id="c" port="9000"/></pod>
  <service id="web" type="NodePort" port="80" target-port="8080" node-port="30080"
    select="app=web"/>
  <service id="q" type="NodePort" port="80" target-port="8080" node-port="30081"
    select="app=q"/></scenario>'
echo "$small" > small.xml
printf '%s\n' '*filter' ':FORWARD ACCEPT' '-A FORWARD -d 10.244.0.0/16 -p tcp -j REJECT' COMMIT \
    > reject.rules

run trace small.xml --from asking --to http://web/ --why-not p-2 --why-not default/p-3
check "--why-not answers about several pods, each by its endpoints" \
    has_all 'Why not "p-2"?' "default/web -> 10.244.0.3:8080" 'Why not "default/p-3"?' \
    "default/web -> 10.244.0.4:8080"
run trace small.xml --from asking --to http://web/ --why-not "-j KUBE-MARK-MASQ"
check "rules in chains that were never entered are told together" \
    has_all "more rules with that in them" "their chains were never entered ("
check "after three of the namespace" [ "$(grep -c 'was never entered' out)" -eq 3 ]
run trace small.xml --from asking --to http://web/ --why-not p-9
check "an unknown pod gives the nearest" said 2 "" 'has "p-9" in it; did you mean "p-'

sed 's/<node id="n1"/<cluster cni="cilium"\/><node id="n1"/; s/ iptables-rules="[^"]*"//' small.xml > cilium.xml
run trace cilium.xml --from asking --to http://web/
check "what a socket is connected to instead of a service is told" has_all "socket load balancer: p-" \
    "connect() to service web: drawn of 3 endpoints, each as likely, at no cost" \
    "daddr 10.96.0.11 -> 10.244." "dport 80 -> 8080" "sent by a socket"
run trace cilium.xml --from asking --to http://web/ --why-not p-1 --why-not p-2 --why-not p-3
check "and why two of its three endpoints were not drawn" \
    [ "$(grep -c 'the draw fell on another; chosen was p-' out)-$(grep -c 'it was taken: connect() to' out)" = 2-1 ]

run trace small.xml --from n1 --to http://10.96.0.11/
check "without a route the trace says where, and what would help" has_all "unreachable, after 0ps" \
    "no route to 10.96.0.11 in n1/root; vethsim export --node n1/root --as routes" "<router>"
run trace small.xml --from user --to 172.16.0.2:30080/tcp
check "/tcp is no path" said 0 "completed: 200 OK" ""
run trace small.xml --from user --to 172.16.0.2:30080/sctp
check "/sctp is refused" said 2 "" "SCTP is not modelled"
run trace small.xml --from user --to 172.16.0.2:99999
check "so is a port out of range" said 2 "" "the port must be 1 to 65535"
run trace small.xml --from user --to http://nosuch/
check "where nobody resolves a name, the services are told" has_all \
    "no way leads to a DNS server; services are web, q"
run trace small.xml --from user --to http://wbe/
check "or the nearest" has_all 'no way leads to a DNS server; did you mean service "web"?'
run trace small.xml --from nobody --to http://web/
check "an origin that nothing is like: some are named" said 2 "" \
    'called "nobody"; there are user, n1, n2, p-1, p-2, p-3'
run trace small.xml --from p --to http://web/
check "a template's name: its members are" said 2 "" 'called "p"; there are p-1, p-2, p-3'
run trace small.xml --from user --to 172.16.0.2:30081
check "what an ICMP error quotes is translated before our eyes" has_all \
    "nat: destination, quoted source 172.16.0." "nat: source, quoted destination 10.244.1.2:8080 -> 172.16.0.2:30081"

run trace "$article" --from user --to http://shop.example/
check "an unknown host is refused" said 2 "" 'did you mean "users"?'
run trace "$article" --from users --to https://shop.example/
check "so is TLS" said 2 "" "a probe does not speak TLS"
# A netem of 7 ms, what tbf holds back of the answer, and a device's own netem.
cat > "$folder/held.xml" << 'END'
<scenario version="1" seed="1" until="1s" xmlns="urn:vethsim:scenario:1">
  <client id="c" arrivals="constant(1/s)" to="http://172.16.0.2:30080/"/>
  <link from="c" to="n" rate="100Mbit/s" delay="2ms">
    <qdisc from="c" kind="netem" delay="7ms"/>
    <qdisc from="n" kind="tbf" rate="5Mbit/s" burst="2000B" limit="200KiB"/>
  </link>
  <node id="n">
    <pod id="a" labels="app=a"><qdisc dev="eth0" kind="netem" delay="3ms"/>
      <container id="web" port="8080" response="8KiB"/></pod>
  </node>
  <service id="a" type="NodePort" node-port="30080" target-port="8080" select="app=a"/>
</scenario>
END
run trace held.xml --from c --to http://172.16.0.2:30080/
check "what a qdisc holds back is told where the packet was, with its name" has_all \
    "c/root" "out by eth0" "qdisc netem: held for 7000000.000 ns" "n/root" "in by eth0" \
    "n/a" "qdisc netem: held for 3000000.000 ns" "out by eth0" "n/root" "out by eth0" \
    "qdisc tbf: held for"
check "and is not told where nothing waits" \
    test "$(grep -c 'qdisc tbf' out)" -lt "$(grep -c 'qdisc netem' out)"
run trace held.xml --from c --to http://172.16.0.2:30080/ --format json
if python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2> /dev/null; then
    check "as the schema has it" is_valid out
fi

run trace "$article" --from users --http3 --to http://shop.example/
check "and HTTP/3 without it" said 2 "" "HTTP/3 has TLS always; write https://"
run trace "$article" --to http://shop.example/
check "--from is needed" said 2 "" "trace needs --from"
run trace "$article" --from users
check "--to is needed" said 2 "" "trace needs --to"
run trace "$article" --from users --to 203.0.113.10:80 --pcapng "$folder/none/x.pcapng"
check "so is a capture that cannot be written" said 2 "" "vethsim: --pcapng: "
run trace missing.xml --from users --to http://shop.example/
check "a missing file is refused" said 2 "" "missing.xml"
while read -r option value; do
    # shellcheck disable=SC2086
    run trace "$article" $cart "$option" "$value"
    check "\"$option $value\" is refused" said 2 "" "vethsim: $option: "
done << 'END'
--seed -1
--at 5
--at 100000000h
--timeout 0s
--format xml
END
# shellcheck disable=SC2086
run trace "$article" $cart --why-not ""
check "so is an empty pattern" said 2 "" "vethsim: --why-not: "
# shellcheck disable=SC2086
run trace "$article" $cart --set rat=1/s
check "so is an unknown param" said 2 "" "rat"

finish
