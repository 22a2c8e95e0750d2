#!/usr/bin/env bash
# What tshark says of a capture of the whole path: every packet is well-formed, with right
# checksums; HTTP and DNS are what they seem; and at each interface by itself, TCP never
# looks as if something were lost or late.
set -u

. "$top_srcdir/tests/results/shark.sh"
file=$folder/all.pcapng

capture scenarios/article/scenario.xml "$file" --set rate=200/s --until 300ms
is "a run with --pcapng succeeds" $? 0

# One line for each packet of the whole file.  Messages are not put together: the same
# segments pass many interfaces.
shark "$file" -o tcp.desegment_tcp_streams:FALSE -T fields \
    -e frame.time_delta -e frame.packet_flags_direction -e frame.comment -e _ws.malformed \
    -e ip.checksum.status -e tcp.checksum.status -e udp.checksum.status > "$folder/all.txt"
n_packets=$(wc -l < "$folder/all.txt")

# How many of them awk's condition $1 holds for.
of_all() {
    awk -F '\t' "$1 { n++ } END { print n + 0 }" "$folder/all.txt"
}

is "tshark reads packets" "$((n_packets > 5000))" 1
is "times never go back" "$(of_all '$1 < 0')" 0
is "each packet has a direction" "$(of_all '$2 ~ /[12]$/')" "$n_packets"
is "each packet has a comment" "$(of_all '$3 ~ /^packet [0-9]+ at [0-9]+ ps(;|$)/')" "$n_packets"
is "all are well-formed" "$(of_all '$4 != ""')" 0
is "no checksum is bad (1 is good)" "$(of_all '$5 $6 $7 ~ /[^1]/')" 0
is "those of IP, TCP and UDP are seen and good" \
    "$(($(of_all '$5 != ""') > $(of_all '$7 != ""') && $(of_all '$7 != ""') > 0 &&
        $(of_all '$5 != ""') == $(of_all '$6 $7 != ""')))" 1

# Comments name what decided: a rule for the first packet of a connection, its entry for those
# that follow.  The load balancer has no rules.  $1: interface, $2: filter.
comments() {
    shark "$file" -Y "frame.interface_name == \"$1\" && $2" -T fields -e frame.comment
}
is "SYNs that come to the node port name the rule that translated them" \
    "$(comments node-1/root/eth0 'tcp.flags.syn == 1 && tcp.dstport == 30000' |
        grep -vc 'table nat, chain KUBE-SEP-[A-Z0-9]*, rule 2: .* => dnat; conntrack: destination [0-9.]*:30000 -> [0-9.]*:80;')" 0
is "and there are some" \
    "$(($(comments node-1/root/eth0 'tcp.flags.syn == 1 && tcp.dstport == 30000' | wc -l) > 5))" 1
is "requests there name the translation of the entry and the rule that lets them pass" \
    "$(comments node-1/root/eth0 'http.request && tcp.dstport == 30000' |
        grep -vc 'ps; conntrack: destination [0-9.]*:30000 -> [0-9.]*:80; table filter, chain KUBE-FORWARD, rule 3: .* => accept')" 0
is "no rule of nat decides about them" \
    "$(comments node-1/root/eth0 'http.request' | grep -c 'table nat')" 0
is "the load balancer translates by its entries" \
    "$(comments edge/root/eth1 'http.request' |
        grep -vc 'ps; conntrack: destination 203.0.113.10:80 -> [0-9.]*:30000')" 0
is "where nothing decides, nothing is named" \
    "$(comments users/root/eth0 frame | grep -vc 'ps$')" 0

# Interfaces along the path, each by itself: elsewhere the same segment is seen again.
for name in users/root/eth0 edge/root/eth1 node-1/root/eth0 node-1/root/cni0 \
    node-2/shop-pod-2/eth0; do
    at_interface "$file" "$name" "$folder/one.pcapng"
    shark "$folder/one.pcapng" -T fields -E separator=';' -e tcp.flags.syn \
        -e tcp.analysis.flags -e _ws.malformed > "$folder/one.txt"
    is "$name: connections are seen" "$(($(grep -c '^1;' "$folder/one.txt") > 5))" 1
    is "$name: no segment looks lost, late or sent again" \
        "$(awk -F ';' '$2 != ""' "$folder/one.txt" | wc -l)" 0
    is "$name: nothing is malformed" "$(awk -F ';' '$3 != ""' "$folder/one.txt" | wc -l)" 0
    is "$name: nothing is worth a note of the experts" "$(remarks "$folder/one.pcapng")" ""
done
is "all interfaces together look like retransmissions" \
    "$(($(remarks "$file" | grep -c 'retransmission') > 0))" 1

at_interface "$file" users/root/eth0 "$folder/users.pcapng"
is "users ask for what the scenario says" \
    "$(shark "$folder/users.pcapng" -Y http.request -T fields -E separator=' ' \
        -e http.request.method -e http.host -e http.request.uri | sort -u)" \
    "GET shop.example /cart"
# A head of 85 bytes: status 17, type 25, length 22, "Connection: close" 19, its end 2.
is "and get whole bodies of 8 KiB" \
    "$(shark "$folder/users.pcapng" -Y http.response -T fields -E separator=' ' \
        -e http.response.code -e http.content_length -e tcp.reassembled.length | sort -u)" \
    "200 8192 $((85 + 8192))"
is "the name's answer is the load balancer's address" \
    "$(shark "$folder/users.pcapng" -Y dns.flags.response==1 -T fields -E separator=' ' \
        -e dns.qry.name -e dns.a | sort -u)" \
    "shop.example 203.0.113.10"
is "there is an answer for each request completed" \
    "$(count "$folder/users.pcapng" 'http.response && frame.packet_flags_direction == 1')" \
    "$(awk '$1 == "completed" { print $2; exit }' "$folder/summary.txt")"

# Interfaces that the scenario names: their captures name what decided, too.
sed 's/<node /<node capture="eth0" /' "$top_srcdir/scenarios/article/scenario.xml" > "$folder/some.xml"
"$VETHSIM" run "$folder/some.xml" --until 100ms --no-plots -o "$folder/some" > /dev/null 2>&1
is "SYNs in the nodes' own captures name their rules" \
    "$(shark "$folder/some/capture.pcapng" -Y 'tcp.flags == 2 && tcp.dstport == 30000' \
        -T fields -e frame.comment | grep -o 'KUBE-SEP.* => dnat; conntrack: dest' |
        sed 's/-[A-Z0-9]*,.*=/=/' | sort -u)" "KUBE-SEP=> dnat; conntrack: dest"

# A file that cannot be written is told before the run.
"$VETHSIM" run "$top_srcdir/scenarios/article/scenario.xml" --until 1ms --no-plots \
    -o "$folder/none" --pcapng "$folder/there/is/none.pcapng" > /dev/null 2> "$folder/error.txt"
is "a capture that cannot be written ends the run" $? 2
is "and says why" "$(cat "$folder/error.txt")" \
    "vethsim: $folder/there/is/none.pcapng cannot be written: No such file or directory"

# A run that is stopped keeps what it has captured.
"$VETHSIM" run "$top_srcdir/scenarios/article/scenario.xml" --max-events 3000 --no-plots \
    -o "$folder/stopped" --pcapng "$folder/stopped.pcapng" > /dev/null 2>&1
is "a run can be stopped early" $? 4
is "its capture is there" "$(($(count "$folder/stopped.pcapng" frame) > 1000))" 1

# A program that is killed leaves what it had written under the temporary name.
"$VETHSIM" run "$top_srcdir/scenarios/article/scenario.xml" --until 1000s --no-plots \
    -o "$folder/killed" --pcapng "$folder/killed.pcapng" > /dev/null 2>&1 &
child=$!
for _ in $(seq 200); do
    [ -z "$(find "$folder" -name 'killed.pcapng.partial-*' -size +1000k)" ] || break
    sleep 0.05
done
kill -KILL "$child"
wait "$child" 2> /dev/null
is "a killed run leaves no capture under its name" "$(ls "$folder"/killed.pcapng 2> /dev/null)" ""
is "but one under another that can be read, to its last whole block" \
    "$(($(count "$folder"/killed.pcapng.partial-* frame) > 1000))" 1
rm -f "$folder"/killed.pcapng.partial-*

# Results of an earlier run with a capture are replaced.
"$VETHSIM" run "$top_srcdir/scenarios/article/scenario.xml" --until 1ms --no-plots \
    -o "$folder/run" > /dev/null 2>&1
is "a folder of results is replaced" $? 0

# A traced request's packets at all interfaces, each with the rule that it met last.
"$VETHSIM" trace "$top_srcdir/scenarios/article/scenario.xml" --from users \
    --to http://shop.example/cart --format json --pcapng "$folder/trace.pcapng" \
    > "$folder/story.json" 2> /dev/null
is "a trace with --pcapng succeeds" $? 0
"$VETHSIM" trace "$top_srcdir/scenarios/article/scenario.xml" --from users \
    --to http://shop.example/cart --format json > "$folder/plain.json" 2> /dev/null
is "and tells the same story, with the same digest" \
    "$(cmp "$folder/story.json" "$folder/plain.json" && echo same)" same
shark "$folder/trace.pcapng" -o tcp.desegment_tcp_streams:FALSE -T fields \
    -e frame.packet_flags_direction -e frame.interface_name -e _ws.malformed \
    -e ip.checksum.status -e tcp.checksum.status -e udp.checksum.status -e frame.comment \
    > "$folder/all.txt"
is "tshark reads its packets, of IP alone" \
    "$(($(wc -l < "$folder/all.txt") > 100 && $(count "$folder/trace.pcapng" '!ip') == 0))" 1
is "all are well-formed, with good checksums" \
    "$(of_all '$3 != "" || $4 $5 $6 ~ /[^1]/')" 0
is "each has a comment with its number" \
    "$(of_all '$7 ~ /^packet [0-9]+ at [0-9]+ ps(;|$)/')" "$(wc -l < "$folder/all.txt")"
# The SYN leaves node-1 for the endpoint after the last rule of KUBE-POSTROUTING.
masquerade='-j MASQUERADE --random-fully => masquerade; conntrack: source '
is "rules are named where a packet enters and leaves the node that translated it" \
    "$(grep "node-1/root/eth0.*, rule 2: .* => dnat; .*KUBE-POSTROUTING, rule 3: .* $masquerade" \
        "$folder/all.txt" | cut -c 1-10 | tr '\n' ' ')" "0x00000001 0x00000002 "
is "and none in namespaces without rules" \
    "$(grep -P '\t(users|internet|edge|tor)/' "$folder/all.txt" | grep -c 'table ')" 0

finish
