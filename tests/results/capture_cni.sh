#!/usr/bin/env bash
# What tshark says of captures between two nodes, for each kind of wiring: tunnels hold what
# they should, whole and with right checksums, and no TCP segment looks lost.
set -u
. "$top_srcdir/tests/results/shark.sh"

# Captures scenarios/cni/$1 and looks at it from everywhere; $file is the capture then.
check_scenario() {
    local name

    file=$folder/$1.pcapng
    capture "scenarios/cni/$1/scenario.xml" "$file" --until 60ms
    is "$1: a run with --pcapng succeeds" $? 0

    # The same segments pass many interfaces: messages are not put together.
    shark "$file" -o tcp.desegment_tcp_streams:FALSE -T fields -E separator=';' \
        -e _ws.malformed -e ip.checksum.status -e tcp.checksum.status \
        -e udp.checksum.status -e ip.len > "$folder/all.txt"
    is "$1: packets are seen" "$(($(wc -l < "$folder/all.txt") > 5000))" 1
    is "$1: all are well-formed" "$(awk -F ';' '$1 != ""' "$folder/all.txt" | wc -l)" 0
    # 1 is good; 3 is absent, as of UDP around VXLAN.
    is "$1: all checksums of IP and TCP are good" \
        "$(awk -F ';' '$2 $3 ~ /[^1,]/' "$folder/all.txt" | wc -l)" 0
    is "$1: those of UDP are absent" \
        "$(awk -F ';' '$4 !~ /^3?$/' "$folder/all.txt" | wc -l)" 0
    is "$1: no packet is longer than the MTU" \
        "$(awk -F ';' '$5 + 0 > 1500' "$folder/all.txt" | wc -l)" 0
    is "$1: all IP carries TCP in the end, with a good checksum" \
        "$(awk -F ';' '$2 != "" && $3 != 1' "$folder/all.txt" | wc -l)" 0

    shift
    for name; do
        check_interface "$name"
    done
}

# Each interface by itself: elsewhere the same segment is seen again.
check_interface() {
    at_interface "$file" "$1" "$folder/one.pcapng"
    shark "$folder/one.pcapng" -T fields -E separator=';' -e tcp.flags.syn -e http \
        -e tcp.analysis.flags -e _ws.malformed -e _ws.expert.severity > "$folder/one.txt"
    is "  $1: connections are seen" "$(($(grep -c '^1;' "$folder/one.txt") > 2))" 1
    is "  $1: and HTTP" "$(($(awk -F ';' '$2 != ""' "$folder/one.txt" | wc -l) > 2))" 1
    # Wireshark calls warnings 6291456, errors 8388608.
    is "  $1: nothing looks lost, late, sent again or malformed" \
        "$(awk -F ';' '$3 $4 != "" || $5 ~ /6291456|8388608/' "$folder/one.txt" | wc -l)" 0
}

# Has each packet between the nodes' addresses a tunnel header, and each other none?
between_nodes='ip.src == 10.0.0.0/16 && ip.dst == 10.0.0.0/16'

check_scenario flannel-vxlan node-1/root/eth0 node-2/root/eth0 node-1/root/flannel.1 \
    node-2/shop-pod-1/eth0
is "flannel's VXLAN: its port, VNI and flags" \
    "$(values "$file" vxlan udp.dstport vxlan.vni vxlan.flags)" "8472 1 0x0800"
is "flannel's VXLAN: the shop is asked inside" \
    "$(values "$file" 'vxlan && http.request' http.request.method http.request.uri)" \
    "GET /"
is "flannel: all between the nodes is VXLAN" \
    "$(count "$file" "$between_nodes && !vxlan")" 0
is "flannel.1 sees Ethernet" "$(values "$file" \
    'frame.interface_name contains "flannel.1"' frame.encap_type)" 1

check_scenario calico-vxlan node-1/root/eth0 node-2/root/eth0 node-2/root/vxlan.calico
is "Calico's VXLAN: its port, VNI and flags" \
    "$(values "$file" vxlan udp.dstport vxlan.vni vxlan.flags)" "4789 4096 0x0800"
is "Calico's VXLAN: the shop is asked inside" \
    "$(values "$file" 'vxlan && http.request' http.request.method http.request.uri)" \
    "GET /"
is "Calico: all between the nodes is VXLAN" \
    "$(count "$file" "$between_nodes && !vxlan")" 0

check_scenario calico-ipip node-1/root/eth0 node-2/root/eth0 node-1/root/tunl0 \
    node-2/root/tunl0
is "IPIP: the shop is asked inside" \
    "$(values "$file" 'ip.proto == 4 && http.request' http.request.method \
        http.request.uri)" "GET /"
is "IPIP: all between the nodes is IP in IP" \
    "$(count "$file" "$between_nodes && !(ip.proto == 4)")" 0
# Wireshark's number for raw IP is 7, for Ethernet 1.
is "tunl0 sees IP packets without Ethernet" \
    "$(values "$file" 'frame.interface_name contains "tunl0"' frame.encap_type)" 7
is "others see Ethernet" \
    "$(values "$file" '!(frame.interface_name contains "tunl0")' frame.encap_type)" 1
is "what leaves by tunl0 is what the wire carries inside, 20 bytes longer" \
    "$(values "$file" 'frame.interface_name == "node-1/root/tunl0" &&
        frame.packet_flags_direction == 2 && http.request' frame.len)" \
    "$(($(values "$file" 'frame.interface_name == "node-1/root/eth0" &&
        frame.packet_flags_direction == 2 && ip.proto == 4 && http.request' ip.len |
        cut -d , -f 1) - 20))"

for name in calico cilium; do
    check_scenario $name node-1/root/eth0 node-2/root/eth0 node-2/shop-pod-1/eth0
    is "$name: pods speak to pods without a tunnel" \
        "$(count "$file" 'ip.proto == 4 || udp')" 0
done

finish
