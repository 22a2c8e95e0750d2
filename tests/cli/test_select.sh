#!/bin/bash
# vethsim select from outside: picks, lists, what changes move, and what it refuses.

. "${top_srcdir:-.}/tests/cli/command.sh"
page=$(realpath "${top_srcdir:-.}")/docs/selection.md
cd "$folder" || exit 1

# picks ARGUMENTS...: the backends that are picked, on one line, in picked.
picks() {
    run select "$@"
    picked=$(cut -d, -f2 out | tr -d '\n')
}

# json FILTER VALUE: the last run's JSON has this value there.
json() {
    [ "$(python3 -c 'import json, sys
print(eval(sys.argv[1], {"it": json.load(open("out"))}))' "$1")" = "$2" ]
}

# remapped MIN MAX: the last report remapped from MIN to MAX permille of its keys.
remapped() {
    json "$1 <= 1000 * it['remapped'] / it['keys'] <= $2" True
}

picks smooth-wrr --backends a=5,b,c --count 7
check "5, 1, 1 by smooth weights are aabacaa" [ "$picked" = aabacaa ]
check "each pick has its number" said 0 "1,a
2,a
3,b" ""
picks round-robin --backends a,b,c --down b --count 4
check "who is down is left out" [ "$picked" = acac ]
picks least-conn --backends a=2,b --count 6
check "connections are over at once" [ "$picked" = aaaaaa ]
picks least-conn --backends a=2,b --count 6 --hold
check "unless they are held" [ "$picked" = abaaba ]
picks random --backends a,b --count 64
first=$picked
picks random --backends a,b --count 64 --seed 1
check "the seed is 1 if not given" [ "$picked" = "$first" ]
picks random --backends a,b --count 64 --seed 2
check "another seed picks otherwise" [ "$picked" != "$first" ]

printf '192.0.2.1\r\n2001:db8::1\n192.0.2.1' > addresses
run select source-hash --backends 10.0.0.1:80,10.0.0.2:80=2 --keys addresses
check "a line a key, with its ending or without" [ "$(wc -l < out)" -eq 3 ]
check "and the same key has the same backend" \
    [ "$(sed -n 1p out)" = "$(sed -n 3p out)" ]
"$vethsim" select source-hash --backends 10.0.0.1:80,10.0.0.2:80=2 < addresses > piped
check "keys come from the standard input, too" cmp -s out piped
printf 'a,b\n"\\\tx\n\xff\n' > odd
run select round-robin --backends a,b --keys odd
check "fields are quoted as CSV has it" [ "$(head -n 2 out)" = '"a,b",a
"""\	x",b' ]
run select round-robin --backends a,b --keys odd --format json
check "and as JSON has it" [ "$out" = '{"key":"a,b","backend":"a"}
{"key":"\"\\\u0009x","backend":"b"}
{"key":"'$'\xef\xbf\xbd''","backend":"a"}' ]
run select maglev --backends a,b --down a --down b --count 2 --format json
check "nobody is null in JSON" said 0 '"backend":null' "no backend for 2 of 2 keys"
run select source-hash --backends "" --count 2
check "and an empty field, with a note" said 0 ".177,
" "vethsim select: no backend for 2 of 2 keys"
run select source-hash --backends a --count 100000
check "keys made up are all different" [ "$(sort -u out | wc -l)" -eq 100000 ]

ten=a,b,c,d,e,f,g,h,i,j
run select source-hash --backends $ten --count 100000 --remove c --format json
check "modulo, one of ten that goes moves 90 %" remapped 890 910
check "as theory has it" json "round(it['theory']['modulo'], 9)" 0.9
run select maglev --backends $ten --count 100000 --remove c --format json
check "maglev moves little more than a tenth" remapped 95 120
check "which is the least" json "round(it['theory']['least'], 9)" 0.1
check "all that were on it move" json \
    "it['remapped_backend_gone'] == it['backends'][2]['picked_before']" True
check "and nobody is on it then" json "it['backends'][2]['picked_after']" 0
run select source-hash --backends a,b --count 1000 --remove b --add b --format json
check "removed and added again, nothing moves" json "it['remapped']" 0
run select source-hash --backends a,b --count 1000 --add b
check "in the other order it is refused" said 2 "" '"b" is there already'
run select source-hash --backends a=1,b=1 --count 1000 --set-weight b=3 --fail a
check "the report is a table" \
    grep -Eq '^  in theory: the least, by the weights +500  50[.]0%$' out
check "which counts the keys" said 0 "1,000 keys, before and after" ""
run select random --backends a,b --count 1000 --remove b
check "by chance nothing is remapped" said 0 "not by key" ""
run select random --backends a,b --count 1000 --remove b --format json
check "nor in JSON" json "it['remapped']" None
picks least-conn --backends a,b --count 2 --hold --add c --format json
check "what was held is over before the change" json "it['backends'][2]['picked_after']" 0

run select --list
check "--list names the key" said 0 "Reads a flow: 192.0.2.1:1234 198.51.100.1:80 tcp" ""
check "the params" said 0 "--param table-size: 3 to 65537; default 65537" ""
check "and the source" said 0 "ngx_http_upstream_get_peer()" ""
run select maglev --list
check "of one algorithm alone" [ "$(grep -c '^[^ ]' out)" -eq 1 ]
run select --list --format json
check "as JSON" json "[k['params'][0]['max'] for k in it if k['name'] == 'maglev']" "[65537]"
run select --list --markdown
sed -n '/^## The algorithms$/,$p' "$page" > committed
check "docs/selection.md ends with this list (tests/golden/renew.sh writes it)" \
    diff committed out

run select maglve --backends a
check "an unknown algorithm gets a hint" said 2 "" 'no algorithm "maglve", did you mean "maglev"?'
run select maglev --list --seed 2
check "--list takes nothing of picks" said 2 "" "--list takes ALGORITHM"
run select --backends a
check "an algorithm is needed" said 2 "" "vethsim select --list has them all"
run select maglev
check "backends are needed" said 2 "" "such as --backends a,b=2,c"
run select maglev --backends a --format text
check "picks are no text" said 2 "" '"text" is neither csv nor json'
run select maglev --backends a --count 1 --remove a --format csv
check "reports no CSV" said 2 "" '"csv" is neither text nor json'
run select maglev --backends a --markdown
check "--markdown goes with --list" said 2 "" "write it with --list"
run select maglev --backends a --count 3 --keys addresses
check "keys come from one place" said 2 "" "--keys or --count, not both"
run select maglev --backends a --count 0
check "no key is too few" said 2 "" "a number from 1 on"
for list in a=x a=-1 a=65536 =2 a,,b a=; do
    run select maglev --backends "$list" --count 1
    check "backends $list are refused" said 2 "" "a weight from 0 to 65535"
done
run select haproxy-roundrobin --backends a=257 --count 1
check "weights are the program's" said 2 "" "a weight from 0 to 256, as takes haproxy-roundrobin"
run select haproxy-roundrobin --backends a=256,b=0 --count 1
check "its greatest is taken" said 0 "1,a" ""
run select kube-proxy-iptables --backends a,b --count 1 --set-weight a=2
check "who knows no weights takes none" said 2 "" "a weight from 0 to 1, as takes kube-proxy"
run select maglev --backends a,b,a=2 --count 1
check "so are two of a name" said 2 "" 'backend "a" is there already'
run select maglev --backends web-1,web-2 --count 1 --remove web1
check "an unknown backend gets a hint" said 2 "" 'no backend "web1", did you mean "web-1"?'
run select maglev --backends a,b --count 1 --down x
check "or what there is" said 2 "" 'no backend "x"; there are a, b'
run select maglev --backends a --count 1 --set-weight a
check "a new weight is needed" said 2 "" "write NAME=WEIGHT"
run select maglev --backends a --param size=3
check "an unknown param is told" said 2 "" 'no param "size"; it has table-size'
run select source-hash --backends a --keys none
check "a missing file is told" said 2 "" "none: cannot be read: No such file"
printf '192.0.2.1\n192.0.2\n' > bad
run select source-hash --backends a --keys bad
check "a bad key is told with its line" said 2 "192.0.2.1,a" 'bad:2: key "192.0.2": write an address'
run select source-hash --backends a --keys bad --remove a
check "in reports, too" said 2 "" 'bad:2: key "192.0.2": write an address'
printf 'a\0b\n' > zero
run select round-robin --backends a --keys zero
check "a zero byte is told" said 2 "" "zero:1: a zero byte"

finish
