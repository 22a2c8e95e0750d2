#!/usr/bin/env bash
# What tshark says of packets in trouble: of ICMP errors, also about and inside tunnels, and
# of fragments.
set -u
. "$top_srcdir/tests/results/shark.sh"

needed='icmp.type == 3 && icmp.code == 4'
refused='icmp.type == 3 && icmp.code == 3'

# Checks all packets of the capture $1, each as it is: fragments and segments by themselves.
check_all() {
    shark "$1" -o ip.defragment:FALSE -o tcp.desegment_tcp_streams:FALSE -T fields \
        -E separator=';' -e _ws.malformed -e ip.checksum.status -e udp.checksum.status \
        -e icmp.checksum.status -e icmp.type -e ip.flags.mf -e tcp.checksum.status > "$folder/all.txt"
    is "all are well-formed" "$(awk -F ';' '$1 != ""' "$folder/all.txt" | wc -l)" 0
    # 1 is good, 3 absent (around VXLAN).
    is "no checksum of IP, UDP or ICMP is bad" \
        "$(awk -F ';' '$2 ~ /[^1,]/ || $3 !~ /^3?$/ || $4 !~ /^1?$/' "$folder/all.txt" |
            wc -l)" 0
    # A quote or a first fragment may end before what TCP's checksum counts.
    is "nor one of TCP" \
        "$(awk -F ';' '$5 == "" && $6 !~ /1/ && $7 !~ /^1?$/' "$folder/all.txt" | wc -l)" 0
}

# The errors "fragmentation needed" of interface $2 in the capture $1 quote packets that
# passed there, by IP's identification and TCP's checksum.  Prints "1 0" if all do.
check_quotes() {
    at_interface "$1" "$2" "$folder/one.pcapng"
    shark "$folder/one.pcapng" -o ip.defragment:FALSE -T fields -E separator=';' \
        -E occurrence=l -e icmp.type -e ip.id -e tcp.checksum |
        awk -F ';' '{ key = $2 ";" $3 }
            $1 == "" { seen[key] = 1 }
            $1 == 3 { n++; n_strange += !(key in seen) }
            END { print (n > 0), n_strange + 0 }'
}

# VXLAN's outer headers allow fragments.
file=$folder/vxlan.pcapng
capture tests/results/edges.xml "$file"
is "a run over a narrow link succeeds" $? 0
check_all "$file"
is "and requests are answered over it" \
    "$(($(awk '$1 == "completed" { print $2; exit }' "$folder/summary.txt") > 10))" 1

at_interface "$file" strays/root/eth0 "$folder/strays.pcapng"
is "a port without endpoints is unreachable, says the node" \
    "$(values "$folder/strays.pcapng" "$refused" ip.src tcp.dstport icmp.mtu)" \
    "10.0.1.1,172.16.0.5 30081 "
is "as often as the connection is tried" \
    "$(count "$folder/strays.pcapng" "$refused")" \
    "$(count "$folder/strays.pcapng" 'tcp.flags.syn == 1 && !icmp' |
        awk '{ print $1 - 1 }')"
at_interface "$file" node-1/root/eth0 "$folder/node.pcapng"
is "the comment of a SYN refused there names the rule and the drop" \
    "$(shark "$folder/node.pcapng" -Y 'tcp.flags.syn == 1 && tcp.dstport == 30081 && !icmp' \
        -T fields -e frame.comment |
        grep -vc 'table filter, chain KUBE-EXTERNAL-SERVICES, rule [0-9]*: .* -j REJECT .* => reject; dropped: a rule of a packet filter refused it')" 0
is "that of the error says what it is about" \
    "$(shark "$folder/node.pcapng" -Y "$refused" -T fields -e frame.comment |
        grep -vc 'ps; made here about 172.16.0.[0-9]*:[0-9]* > 10.0.1.1:30081 tcp')" 0
is "its quote is the SYN, whole" \
    "$(values "$folder/strays.pcapng" "$refused" tcp.flags tcp.checksum.status)" \
    "0x0002 1"

is "the router before the narrow link says what it takes" \
    "$(values "$file" "$needed && frame.interface_name == \"gateway/root/eth1\"" icmp.mtu)" \
    1400
is "quoting 548 bytes, 576 in all" \
    "$(values "$file" "$needed && !vxlan && frame.interface_name == \"gateway/root/eth1\"" \
        ip.len | cut -d , -f 1)" 576
is "of packets it was sent" "$(check_quotes "$file" gateway/root/eth1)" "1 0"
is "the error reaches the pod through the tunnel" \
    "$(($(count "$file" "vxlan && $needed") > 0)) $(($(count "$file" \
        "!vxlan && $needed && frame.interface_name == \"node-2/web/eth0\"") > 0))" "1 1"
is "where it is about what the pod has sent" "$(check_quotes "$file" node-2/web/eth0)" "1 0"
at_interface "$file" node-2/web/eth0 "$folder/web.pcapng"
is "the pod's longest packets are of its MTU, then of the path's" \
    "$(shark "$folder/web.pcapng" -Y 'tcp.len > 1300 && !icmp' -T fields -e ip.len |
        sort -rnu | tr '\n' ' ')" "1450 1400 "

at_interface "$file" node-1/root/eth0 "$folder/node.pcapng"
n_first=$(count "$folder/node.pcapng" 'ip.flags.mf == 1 && !icmp')
is "the tunnel's own packets come in fragments" "$((n_first > 100))" 1
is "of the narrow link's size" \
    "$(shark "$folder/node.pcapng" -o ip.defragment:FALSE \
        -Y 'ip.flags.mf == 1 && !icmp' -T fields -E occurrence=f -e ip.len | sort -u)" \
    "$((20 + (1400 - 20) / 8 * 8))"
is "each of which is put together to VXLAN with TCP inside" \
    "$(count "$folder/node.pcapng" 'ip.fragments && vxlan && tcp.checksum.status == 1')" \
    "$n_first"
is "never wrongly" "$(count "$folder/node.pcapng" \
    'ip.fragment.error || ip.fragment.overlap || ip.fragment.toolongfragment')" 0

# IPIP passes "don't fragment" on to its outer header: Linux would tell the sender inside,
# here the way between tunnel ends has to be wide enough.
file=$folder/ipip.pcapng
capture tests/results/edges.xml "$file" --set cni=calico-ipip
is "a run with IPIP succeeds" $? 0
check_all "$file"
is "an error about a tunnel's packet quotes what is inside" \
    "$(values "$file" "$needed && frame.interface_name == \"node-2/root/eth0\"" \
        icmp.mtu ip.proto tcp.srcport)" "1400 1,4,6 8080"
is "as it was sent" "$(check_quotes "$file" spine/root/eth1)" "1 0"

finish
