#!/bin/bash
# vethsim run and vethsim plot from outside: what they print, what they write, how they end.

. "${top_srcdir:-.}/tests/cli/command.sh"
cd "$folder" || exit 1

# A client, a load balancer, a node with one pod; an address instead of DNS.
mkdir one
cat > one/one.xml << EOF
<scenario version="1" name="one" seed="7" until="\${end}" xmlns="urn:vethsim:scenario:1">
  <param name="end" default="200ms"/>
  <client id="users" arrivals="poisson(1000/s)" to="http://203.0.113.1/"/>
  <lb id="edge" service="shop" vip="203.0.113.1"/>
  <link from="users" to="edge" rate="1Gbit/s" delay="1ms"/>
  <node id="n1"/>
  <link from="edge" to="n1" rate="10Gbit/s" delay="1us"/>
  <service id="shop" type="LoadBalancer" port="80" target-port="8080" select="app=shop"/>
  <pod id="a" labels="app=shop"><container id="web" service-time="100us"/></pod>
</scenario>
EOF

run run --help
check "the help has the exit statuses" said 0 "130 stopped by a signal" ""
check "the help has examples" part "vethsim run shop.xml -o before" "$out"

run run one/one.xml -o r --no-plots
check "a run prints its summary" said 0 "Where the time of a request of users went" \
    "results are in r"
check "the stages are complete" part "add up to the end-to-end times exactly" "$out"
check "what is printed is in the folder" cmp -s out r/summary.txt
for file in manifest.json summary.json samples.csv histograms.csv latency.hgrm; do
    check "there is $file" test -s "r/$file"
done
check "without plots there are none" not test -e r/plots
check "the manifest has the parameter and where it is from" \
    grep -qzo '"name" : "end",\s*"value" : "200ms",\s*"origin" : "default"' r/manifest.json
check "nothing else is left" test "$(echo ./*)" = "./err ./one ./out ./r"
digest=$(grep -o '"digest" : "[0-9a-f]*"' r/summary.json)

run run one/one.xml -o r --no-plots
check "results are replaced" said 0 "one, seed 7" "results are in r"
check "the same run has the same digest" grep -q "$digest" r/summary.json
run run one/one.xml -o r --no-plots -s 8
check "another seed is another run" not grep -q "$digest" r/summary.json

cd one || exit 1
run run --no-plots
check "without a file the only one is run, with results in runs/" \
    said 0 "one, seed 7" "results are in runs/"
cd ..
check "the folder is called by the run's id" \
    grep -q "\"run\" : \"$(basename one/runs/*)\"" one/runs/*/manifest.json

# Half of the places of the table for the first queue, none for the third.
sed -e 's|<node id="n1"/>|<rss id="card" weights="4 3 0 1"/><node id="n1" rss="card"/>|' \
    one/one.xml > one/queues.xml
run run one/queues.xml -o r --no-plots
check "frames of receive queues are in the summary" \
    part "Shares of node n1: rx-queues" "$out"
queues=$(grep -A4 "node n1: rx-queues" out | awk 'NR > 1 { gsub(",", ""); printf "%s ", $2 }')
read -r first second third fourth <<< "$queues"
check "most frames are of the queue with most weight, none of that with none" \
    test "$first" -gt "$second" -a "$second" -gt "$fourth" -a "$fourth" -gt 0 -a "$third" = 0
check "they are in its JSON, of the one host that has them" \
    test "$(grep -c '"name" : "rx-queues"' r/summary.json)" = 1
rm one/queues.xml

run run one/one.xml -o r --no-plots --set end=50ms --format json
check "--format json prints the JSON" cmp -s out r/summary.json
check "--set is in force" part '"until_ps" : 50000000000' "$out"
check "--set is in the manifest" \
    grep -qzo '"value" : "50ms",\s*"origin" : "set"' r/manifest.json
run run one/one.xml -o r --no-plots --until 20ms
check "--until is in force" part "20ms of simulated time" "$out"

run run one/one.xml -o r --no-plots --max-events 1000
check "a limit ends the run early" said 4 "PARTIAL: stopped at" "partial"
check "its results are marked" grep -q '"partial" : true' r/manifest.json
check "it did as many events" grep -q '"events" : 1000,' r/summary.json
run run one/one.xml -o r --no-plots --until 24h --max-wall 0.2s
check "so does a limit of real time" said 4 "PARTIAL: stopped at" "partial"

# As a job of a shell without job control, it would inherit that SIGINT is ignored.
set -m
"$vethsim" run one/one.xml -o s --no-plots --until 100h > out 2> err < /dev/null &
sleep 0.5
kill -INT $!
wait $!
status=$?
set +m
out=$(< out)
err=$(< err)
check "Ctrl-C ends the run and keeps its results" said 130 "PARTIAL: stopped at" "partial"
check "they are marked, too" grep -q '"partial" : true' s/manifest.json

for _ in 1 2 3; do
    timeout -s INT 0.3 "$vethsim" run one/one.xml -o t --no-plots --until 100h > out 2> err
    check "so does timeout, which signals twice" grep -q PARTIAL out
    rm -rf t
done

mkdir mine
echo notes > mine/notes.txt
run run one/one.xml -o mine --no-plots
check "a folder of others is left alone" said 2 "" "mine has files that are not results"
check "untouched" test "$(< mine/notes.txt)" = notes
run run one/one.xml -o one/one.xml --no-plots
check "so is a file" said 2 "" "one/one.xml is a file"
for arguments in "--seed -1" "--until 5" "--until 0s" "--format xml" "--max-events x"; do
    # shellcheck disable=SC2086
    run run one/one.xml -o t --no-plots $arguments
    check "\"$arguments\" is refused" said 2 "" "vethsim: ${arguments%% *}: "
done
run run missing.xml
check "so is a missing file" said 2 "" "missing.xml"
check "nothing is written then" not test -e t

# Figures.
run plot
check "plot needs a folder" said 2 "" "vethsim plot DIR"
run plot mine
check "of results" said 2 "" "mine holds no results"
run run one/one.xml -o r --no-plots
mkdir empty
PATH=$folder/empty run plot r
check "without gnuplot, plot says so" said 0 "" "gnuplot is not installed"
check "and leaves scripts and data" test -s r/plots/stages.gp -a -s r/plots/stages.dat
if command -v gnuplot > /dev/null; then
    run plot r
    check "with gnuplot, plot is silent" said 0 "" ""
    for figure in latency-cdf latency-percentiles throughput queues stages; do
        check "there is $figure as SVG" grep -q "</svg>" "r/plots/$figure.svg"
        check "there is $figure as PNG" test -s "r/plots/$figure.png"
    done
    run run one/one.xml -o p
    check "a run draws figures, too" test -s p/plots/stages.svg
    check "which the manifest lists" grep -q '"plots/stages.svg"' p/manifest.json
else
    skip figures "there is no gnuplot"
fi

finish
