#!/usr/bin/env bash
# Adds up the results that automake's test driver left in the build folders named, and
# prints "N passed, N failed, N skipped".  Exits with 1 when something failed.
#
# A CUnit program counts as its tests, a script as its lines "ok" and "not ok" ("ok ... #
# skip" is skipped), any other as one.  A program that failed without naming a failed test
# (a crash, a leak) counts one failure more, a skipped one as one skipped.
set -eu

for folder in "$@"; do
    find "$folder" -name '*.trs' -type f
done | while read -r trs; do
    # The script's own words may look like anything; the verdict comes first.
    sed -n 's/^:global-test-result: */@ /p' "$trs"
    cat "${trs%.trs}.log"
    echo
done | awk '
    function close_test() {
        if (verdict == "") {
            return
        }
        if ((verdict == "FAIL" || verdict == "ERROR" || verdict == "XPASS") && !f) {
            f = 1
        } else if (verdict == "SKIP" && !s) {
            s = 1
        } else if (p + f + s == 0) {
            p = 1
        }
        passed += p; failed += f; skipped += s
        p = f = s = 0
        summary = 0
    }
    /^@ (PASS|FAIL|SKIP|XFAIL|XPASS|ERROR)$/ { close_test(); verdict = $2; next }
    /^Run Summary:/                   { summary = 1; next }
    summary && /^ *tests +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ *$/ {
        p += $4; f += $5; s += $2 - $3; summary = 0; next
    }
    /^not ok( |$)/                    { f++; next }
    /^ok( .*)? # *[Ss][Kk][Ii][Pp]/   { s++; next }
    /^ok( |$)/                        { p++; next }
    END {
        close_test()
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0
    }'
