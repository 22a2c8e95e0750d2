#!/usr/bin/env bash
# Every scenario that comes with vethsim runs as it did when digests.txt was written: the
# digest of a run sums up each event and each packet.  Lines: "FILE UNTIL DIGEST", and
# NAME=VALUE for each param that is not its default.
set -u

. "$top_srcdir/tests/tap.sh"
digest=$top_builddir/tests/golden/digest
list=$top_srcdir/tests/golden/digests.txt

while read -r file until expected settings; do
    name="$file${settings:+ with $settings}"
    # shellcheck disable=SC2086
    if ! found=$("$digest" "$top_srcdir/$file" "$until" $settings 2>&1); then
        not_ok "$name runs" "$found"
    elif [ "$found" != "$expected" ]; then
        not_ok "$name has the digest it had" "until $until: $found, not $expected"
    else
        ok "$name has the digest it had"
    fi
done < <(grep -v '^#' "$list")

missing=$(cd "$top_srcdir" && find scenarios -name '*.xml' | sort | while read -r file; do
    if grep -q '<scenario' "$file" && ! grep -q "^$file " "$list"; then
        echo "$file"
    fi
done)
result "digests.txt has every scenario" "$missing"

if [ $n_failed != 0 ]; then
    echo "# Runs are no longer what they were.  Is that meant?  Then say why in the commit"
    echo "# and renew the list: tests/golden/renew.sh (in the source tree, after make)."
    echo "# Otherwise something became faster or slower, or the order of events changed:"
    echo "# compare  vethsim run FILE  of both versions, or  vethsim trace FILE."
fi
finish
