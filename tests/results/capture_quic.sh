#!/usr/bin/env bash
# What tshark says of captured datagrams of QUIC: forms of headers, versions, connection ids and
# lengths; and that a trace names their packets and frames.
set -u
. "$top_srcdir/tests/results/shark.sh"

file=$folder/quic.pcapng
story=$folder/story.txt
"$VETHSIM" trace "$top_srcdir/scenarios/http-versions/scenario.xml" --from http-3 --http3 \
    --to https://172.16.0.1:30003/ --pcapng "$file" > "$story"
is "a request by HTTP/3 is followed" $? 0
at_interface "$file" http-3/root/eth0 "$folder/one.pcapng"

is "no packet is malformed" "$(count "$file" _ws.malformed)" 0
is "all of UDP is QUIC" "$(count "$file" 'udp && !quic')" 0
is "no checksum is bad" "$(count "$file" 'udp.checksum.status == 0 || ip.checksum.status == 0')" 0
is "the version is 1" "$(values "$file" quic.version quic.version | tr ',' '\n' | sort -u)" 0x00000001
is "all have one connection id" \
    "$(values "$file" quic quic.dcid | tr ',' '\n' | sort -u | wc -l)" 1
# Initial 0, Handshake 2; a short header has no type.
is "an Initial packet, two with a Handshake packet, four of Handshake, and a short header" \
    "$(shark "$folder/one.pcapng" -T fields -e quic.long.packet_type | tr '\n' ' ')" \
    "0 0,2 0,2 2 2 2 2  "
is "datagrams with an Initial packet are 1200 bytes long" \
    "$(values "$file" 'quic.long.packet_type == 0' udp.length)" 1208
is "the length of a long header leads to the datagram's end" \
    "$(values "$file" 'quic.long.packet_type == 0 && !(quic.long.packet_type == 2)' quic.length)" 1174

words=$(tr -s ' \n' ' ' < "$story")
for part in 'QUIC Initial 0 (CRYPTO 0-511), 1200 bytes' \
    'QUIC Initial 0 (ACK 0, CRYPTO 0-121), Handshake 0 (CRYPTO 0-' '1-RTT 0 (STREAM 0 0-' \
    ' FIN)' 'completed: 200 OK'; do
    succeeds "the story has \"$part\"" grep -qF "$part" <<< "$words"
done
finish
