#!/bin/bash
# The command from outside: verbs, help, exit status, and what goes to which stream.

. "${top_srcdir:-.}/tests/cli/command.sh"

page=$(realpath "${top_srcdir:-.}")/docs/ingress-profiles.md
xmlns='xmlns="urn:vethsim:scenario:1"'
cat > "$folder/good.xml" << EOF
<scenario version="1" until="2s" seed="7" $xmlns/>
EOF
cat > "$folder/bad.xml" << EOF
<scenario version="1" until="2s" $xmlns>

  <lbb id="edge"/>
</scenario>
EOF
cat > "$folder/param.xml" << EOF
<scenario version="1" until="\${time}" $xmlns>
  <param name="time" default="2s"/>
</scenario>
EOF

run
check "alone, it proposes three commands" said 0 "vethsim run scenarios/article/scenario.xml" ""
check "and one of them checks" said 0 "vethsim check scenarios/article/scenario.xml" ""
check "and one of them shows a model" said 0 "vethsim models lb" ""

run help
check "help lists the verbs" said 0 "check " ""
check "help tells the exit status" said 0 "0 good, 2 bad input or usage, 3 internal" ""
for verb in run check models schema select plot; do
    run $verb --help
    check "$verb --help has examples" said 0 "vethsim $verb" ""
    run help $verb
    check "help $verb says the same" said 0 "Examples:" ""
done
run --version
check "--version is a line" said 0 "vethsim " ""

run chekc
check "an unknown verb gets a hint" said 2 "" 'did you mean "check"?'
run check --nonsense
check "an unknown option is told" said 2 "" "Unknown option --nonsense"
run check "$folder/good.xml" "$folder/bad.xml"
check "too many arguments are told" said 2 "" "too many arguments"
run schema something
check "arguments for a verb without are told" said 2 "" "too many arguments"

run check "$folder/good.xml"
check "a good scenario is a line on stdout" said 0 "$folder/good.xml: good: until 2s, seed 7" ""
run check "$folder/bad.xml"
check "a bad one is a line on stderr" said 2 "" "$folder/bad.xml:3: unknown element <lbb>"
check "without colour where there is no terminal" [ "${err:0:1}" = / ]
run check "$folder/none.xml"
check "a missing file is told" said 2 "" "none.xml: cannot be read: No such file"
article=${top_srcdir:-.}/scenarios/article/scenario.xml
run export "$article" --node shop-pod-1 --as routes
check "a pod's own name hints at its namespace" said 2 "" 'did you mean "node-1/shop-pod-1"?'
run export "$article" --node tor --as routes
check "a switch has no routes to export" said 2 "" "tor has no routes"
run check "$folder/param.xml" --set time=3s
check "--set gives a param its value" said 0 "until 3s" ""
run check "$folder/param.xml" --set tine=3s
check "--set of an unknown name gets a hint" said 2 "" 'did you mean "time"?'

out=$("$vethsim" check - < "$folder/good.xml" 2> "$folder/err")
status=$?
err=$(cat "$folder/err")
check "- is the standard input" said 0 "<stdin>: good" ""

mkdir "$folder/one" "$folder/none"
cp "$folder/good.xml" "$folder/one"
cd "$folder/one" || exit 1
run check
check "without a file, the only one of the folder is read" said 0 "good.xml: good" ""
cd "$folder" || exit 1
run check
check "of several, none is chosen" said 2 "" "several scenarios"
cd "$folder/none" || exit 1
run check
check "and none is told" said 2 "" "vethsim check FILE"

run schema
check "schema prints one" said 0 'targetNamespace="urn:vethsim:scenario:1"' ""
if command -v xmllint > /dev/null; then
    cp "$folder/out" "$folder/vethsim.xsd"
    lint() {
        xmllint --noout --schema "$folder/vethsim.xsd" "$1" > /dev/null 2>&1
    }
    check "which takes the good" lint "$folder/good.xml"
    check "and refuses the bad" not lint "$folder/bad.xml"
fi

run models
check "models lists them" said 0 "lb " ""
run models lb
check "models NAME shows its parameters" said 0 "Parameters" ""
run models lb --markdown
check "in Markdown, as a table" said 0 "| Attribute | Type | Default | Range | Meaning |" ""
run models ingress
check "and its profiles" said 0 'status-connect-failed="503"' ""
check "with the source of each value" said 0 "ProxyConnectTimeout" ""
run models ingress --markdown
sed -n '/^### Profiles$/,$p' "$folder/out" > "$folder/profiles"
sed -n '/^### Profiles$/,$p' "$page" > "$folder/committed"
check "docs/ingress-profiles.md ends with them (tests/golden/renew.sh writes it)" \
    cmp -s "$folder/profiles" "$folder/committed"
check "which are there" grep -q '#### `kong`' "$folder/committed"
run models nonsense
check "an unknown model is told" said 2 "" 'there is no model "nonsense"'
run models --markdown
check "models --markdown shows all" said 0 '## `<node>`' ""

if [ -w /dev/full ]; then
    "$vethsim" schema > /dev/full 2> "$folder/err"
    status=$?
    out=
    err=$(cat "$folder/err")
    check "a full disk is not a success" said 3 "" "cannot be written"
fi

finish
