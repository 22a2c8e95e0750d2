#!/usr/bin/env bash
# What tshark says of transports in captures: blocks of selective ACKs tell what has come, and
# frames of HTTP/2 and of WebSocket are such as its dissectors read, with the requests and
# messages that there were.
set -u
. "$top_srcdir/tests/results/shark.sh"

# "completed" of the first client, or another word of the summary.
told() {
    awk -v word="$1" '$1 == word { gsub(",", "", $2); print $2; exit }' "$folder/summary.txt"
}

# Selective ACKs (RFC 2018). ------------------------------------------------------------

file=$folder/losses.pcapng
capture tests/results/losses.xml "$file"
is "a run with losses succeeds" $? 0
n_lost=$(sed -n 's/^ *dropped: netem-loss *\([0-9]*\).*/\1/p' "$folder/summary.txt")
is "and loses some" "$((n_lost > 20))" 1
at_interface "$file" bulk/root/eth0 "$folder/receiver.pcapng"
at_interface "$file" node/a/eth0 "$folder/sender.pcapng"
is "both sides' SYNs permit them" \
    "$(values "$folder/receiver.pcapng" tcp.flags.syn==1 tcp.options.sack_perm)" \
    "0402"

# Fields of the capture $1: stream, source port, sequence number, bytes with the FIN, ACK, edges
# of blocks.
segments() {
    shark "$1" -Y tcp -T fields -e tcp.stream -e tcp.srcport -e tcp.seq -e tcp.len -e tcp.ack \
        -e tcp.options.sack_le -e tcp.options.sack_re -e tcp.flags.fin |
        awk -F '\t' -v OFS='\t' '{ $4 += $8; print }'
}

# At the receiver: of all blocks, how many there are; then those that are empty or below the
# ACK, such as tell of bytes that have not come or end before what has, and first blocks
# without the segment that came last, out of order (RFC 2018, section 4).
segments "$folder/receiver.pcapng" | awk -F '\t' '
    $4 > 0 && $2 == 30080 { end[$1, $3] = $3 + $4; last[$1] = $3 }
    $6 != "" {
        n_blocks = split($6, left, ","); split($7, right, ",")
        for (i = 1; i <= n_blocks; i++) {
            n++
            n_strange += left[i] >= right[i] || left[i] <= $5
            at = left[i] + 0
            while (($1, at) in end && at < right[i]) at = end[$1, at]
            n_wrong += at != right[i] || (($1, at) in end)
        }
        n_late += last[$1] > $5 && (last[$1] < left[1] || last[$1] >= right[1])
    }
    END { print (n > 100), n_strange + 0, n_wrong + 0, n_late + 0 }' > "$folder/blocks.txt"
is "blocks are of what has come beyond the ACK, the latest first" \
    "$(cat "$folder/blocks.txt")" "1 0 0 0"

# At the sender: bytes sent again, those of them that a block had told of, and both ends agree
# about how many segments were lost.
segments "$folder/sender.pcapng" | awk -F '\t' '
    $2 == 8080 && $4 > 0 {
        if (($1, $3) in sent) { n_again++; n_needless += ($1, $3) in has }
        sent[$1, $3] = $3 + $4
    }
    $6 != "" {
        n_blocks = split($6, left, ","); split($7, right, ",")
        for (i = 1; i <= n_blocks; i++)
            for (at = left[i] + 0; at < right[i] && ($1, at) in sent; at = sent[$1, at])
                has[$1, at] = 1
    }
    END { print n_again, n_needless + 0 }' > "$folder/again.txt"
is "what was lost is sent again, and nothing that a block has told of" \
    "$(cat "$folder/again.txt")" "$n_lost 0"

capture tests/results/losses.xml "$file" --set sack=no
is "without tcp-sack there are none" \
    "$(count "$file" 'tcp.options.sack.count > 0 || tcp.option_kind == 4 && tcp.srcport != 8080')" 0

# HTTP/2 (RFC 9113). --------------------------------------------------------------------

file=$folder/http2.pcapng
capture scenarios/incidents/grpc-skew/scenario.xml "$file" --set max-age=1s --until 3s
at_interface "$file" node/callers/eth0 "$folder/callers.pcapng"

# Fields of all frames with the filter $1, a line each: the first of them must be there.
frames() {
    local filter=$1
    shift
    shark "$folder/callers.pcapng" -d tcp.port==8080,http2 -Y "$filter" -T fields "$@" | tr ',' '\n'
}

n_connections=$(told connects)
n_completed=$(told completed)
is "each connection begins with the preface" "$(frames http2.magic -e http2.magic | wc -l)" \
    "$n_connections"
is "there are frames DATA, HEADERS, SETTINGS, PING, GOAWAY and WINDOW_UPDATE, no others" \
    "$(frames http2 -e http2.type | sort -nu | tr '\n' ' ')" "0 1 4 6 7 8 "
is "each side's SETTINGS are acknowledged" \
    "$(frames http2.type==4 -e http2.flags.ack.settings | sort | uniq -c | tr -s '\n ' ' ')" \
    " $((2 * n_connections)) 0 $((2 * n_connections)) 1 "
is "requests are GETs of the host by http, as many as were begun" \
    "$(frames http2.headers.method -e http2.headers.method -e http2.headers.scheme \
        -e http2.headers.authority -e http2.headers.path | sed 's/:8080//' | sort | uniq -c | tr -s '\t ' ' ')" \
    " $(told requests) GET http shop.default.svc.cluster.local /"
is "answers are 200, as many as were completed" \
    "$(frames http2.headers.status -e http2.headers.status | sort | uniq -c | tr -s ' ')" \
    " $n_completed 200"
is "with 1 KiB of DATA each" \
    "$(shark "$folder/callers.pcapng" -d tcp.port==8080,http2 -Y http2.type==0 -T fields \
        -e http2.type -e http2.length | awk -F '\t' '{
            n = split($1, type, ","); split($2, bytes, ",")
            for (i = 1; i <= n; i++) if (type[i] == 0) sum += bytes[i]
        } END { print sum / 1024 }')" "$n_completed"
is "streams of callers are odd" \
    "$(frames http2.headers.method -e http2.streamid | awk '$1 % 2 == 0' | wc -l)" 0
is "GOAWAY says no error" "$(frames http2.type==7 -e http2.goaway.error | sort -u)" 0
is "nothing is malformed" "$(count "$folder/callers.pcapng" _ws.malformed)" 0
is "the experts of HTTP/2 have no remarks" \
    "$(shark "$folder/callers.pcapng" -d tcp.port==8080,http2 -q -z expert,note |
        grep -c HTTP2)" 0

# WebSocket (RFC 6455). -----------------------------------------------------------------

file=$folder/websocket.pcapng
capture scenarios/incidents/websocket-idle/scenario.xml "$file" --set ping=30s --until 100s
at_interface "$file" users/root/eth0 "$folder/users.pcapng"
n_opened=$(told websockets-opened)
n_messages=$(($(told requests) - n_opened))

# The lines of what tshark tells of the filter $1, fields that follow, and how often each comes.
tally() {
    shark "$folder/users.pcapng" -Y "$1" -T fields "${@:2}" | sort | uniq -c |
        tr -s '\t ' ' ' | sed 's/ $//' | tr '\n' ';'
}

is "upgrades are those of the RFC's example" \
    "$(tally http.request -e http.upgrade -e http.sec_websocket_key -e http.sec_websocket_version)" \
    " $n_opened websocket dGhlIHNhbXBsZSBub25jZQ== 13;"
is "and are granted" "$(tally http.response -e http.response.code -e http.sec_websocket_accept)" \
    " $n_opened 101 s3pPLMBiTxaQ9kYGzzhZRbK+xOo=;"
is "messages of users are masked and have two bytes of length" \
    "$(tally 'websocket.opcode==1 && websocket.mask==1' -e websocket.payload_length \
        -e websocket.payload_length_ext_16)" " $n_messages 126 200;"
is "pushes have so, too, and answers one" \
    "$(tally 'websocket.opcode==1 && websocket.mask==0' -e websocket.payload_length \
        -e websocket.payload_length_ext_16)" " $n_messages 100; $(told pushes) 126 300;"
is "pings are masked, and pongs not" \
    "$(tally 'websocket.opcode>1' -e websocket.opcode -e websocket.mask)" \
    " $(told pongs) 10 0; $(told pings) 9 1;"
is "nothing of WebSocket is malformed" "$(count "$folder/users.pcapng" _ws.malformed)" 0
is "and each segment with a frame's header is read as one" \
    "$(count "$folder/users.pcapng" 'tcp.len > 0 && !http && !websocket')" 0
finish
