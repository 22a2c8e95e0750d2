#!/usr/bin/env bash
# Every scenario that comes with vethsim is valid: by the schema that `vethsim schema`
# prints, for editors and other tools, and by `vethsim check`.
set -u

n=0
status=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# result WHAT COMMAND...: "ok" if the command succeeds, else what it said.
result() {
    local what=$1
    shift
    n=$((n + 1))
    if "$@" > "$folder/out" 2>&1; then
        echo "ok $n - $what"
    else
        echo "not ok $n - $what"
        sed 's/^/# /' "$folder/out"
        status=1
    fi
}

skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

has_xmllint=$(command -v xmllint || true)
result "vethsim schema prints a schema" sh -c "'$VETHSIM' schema > '$folder/vethsim.xsd'"

while read -r file; do
    name=${file#"$top_srcdir/"}
    result "$name passes vethsim check" "$VETHSIM" check "$file"
    if [ -z "$has_xmllint" ]; then
        skip "$name is valid by the schema" "there is no xmllint"
        continue
    fi
    result "$name is valid by the schema" \
        xmllint --noout --nonet --xinclude --nofixup-base-uris \
        --schema "$folder/vethsim.xsd" "$file"
done < <(find "$top_srcdir/scenarios" -name '*.xml' -exec grep -l '<scenario' {} + | sort)

# The schema says no, too.
cat > "$folder/wrong.xml" << 'END'
<scenario version="1" seed="1" until="1s" xmlns="urn:vethsim:scenario:1">
  <node id="n" coars="4"/>
</scenario>
END
if [ -n "$has_xmllint" ]; then
    result "an attribute that is not there is invalid by the schema" \
        sh -c "! xmllint --noout --nonet --schema '$folder/vethsim.xsd' '$folder/wrong.xml'"
fi
result "and refused by vethsim check" sh -c "! '$VETHSIM' check '$folder/wrong.xml'"

echo "1..$n"
exit $status
