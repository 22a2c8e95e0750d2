#!/usr/bin/env bash
# Every scenario that comes with vethsim runs as it did when digests.txt was written: the
# digest of a run sums up each event and each packet.  Lines: "FILE UNTIL DIGEST".
set -u

digest=$top_builddir/tests/golden/digest
list=$top_srcdir/tests/golden/digests.txt
status=0

not_ok() {
    echo "not ok $n - $1"
    status=1
}

n=0
while read -r file until expected; do
    n=$((n + 1))
    if ! found=$("$digest" "$top_srcdir/$file" "$until" 2>&1); then
        not_ok "$file runs"
        echo "# $found"
    elif [ "$found" != "$expected" ]; then
        not_ok "$file has the digest it had"
        echo "# until $until: $found, not $expected"
    else
        echo "ok $n - $file has the digest it had"
    fi
done < <(grep -v '^#' "$list")

n=$((n + 1))
missing=$(cd "$top_srcdir" && find scenarios -name '*.xml' | sort | while read -r file; do
    if grep -q '<scenario' "$file" && ! grep -q "^$file " "$list"; then
        echo "$file"
    fi
done)
if [ -n "$missing" ]; then
    not_ok "digests.txt has every scenario"
    echo "# missing:" $missing
else
    echo "ok $n - digests.txt has every scenario"
fi

if [ $status != 0 ]; then
    echo "# Runs are no longer what they were.  Is that meant?  Then say why in the commit"
    echo "# and renew the list: tests/golden/renew.sh (in the source tree, after make)."
    echo "# Otherwise something became faster or slower, or the order of events changed:"
    echo "# compare  vethsim run FILE  of both versions, or  vethsim trace FILE."
fi
echo "1..$n"
exit $status
