#!/usr/bin/env bash
# Every scenario that comes with vethsim is valid: by the schema that `vethsim schema`
# prints, for editors and other tools, and by `vethsim check`.
set -u

. "$top_srcdir/tests/tap.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

has_xmllint=$(command -v xmllint || true)
succeeds "vethsim schema prints a schema" sh -c "'$VETHSIM' schema > '$folder/vethsim.xsd'"

while read -r file; do
    name=${file#"$top_srcdir/"}
    succeeds "$name passes vethsim check" "$VETHSIM" check "$file"
    if [ -z "$has_xmllint" ]; then
        skip "$name is valid by the schema" "there is no xmllint"
        continue
    fi
    succeeds "$name is valid by the schema" \
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
    succeeds "an attribute that is not there is invalid by the schema" \
        sh -c "! xmllint --noout --nonet --schema '$folder/vethsim.xsd' '$folder/wrong.xml'"
fi
succeeds "and refused by vethsim check" sh -c "! '$VETHSIM' check '$folder/wrong.xml'"

finish
