# shellcheck shell=bash
# For tests that are scripts, sourced by them: each fact is a line "ok - FACT" or
# "not ok - FACT", as the Test Anything Protocol has them and tests/tally.sh counts them.
# A script ends with `finish`.

n_failed=0

ok() {
    echo "ok - $1"
}

# not_ok FACT [NOTE]: of a note, which may have many lines, the first 40 are printed.
not_ok() {
    n_failed=$((n_failed + 1))
    echo "not ok - $1"
    if [ -n "${2-}" ]; then
        printf '%s\n' "$2" | head -n 40 | sed 's/^/# /'
    fi
}

# result FACT PROBLEM: "ok" if there is no problem.
result() {
    if [ -z "$2" ]; then
        ok "$1"
    else
        not_ok "$1" "$2"
    fi
}

# succeeds FACT COMMAND...: "ok" if the command succeeds, else what it said.
succeeds() {
    local fact=$1 said

    shift
    if said=$("$@" 2>&1); then
        ok "$fact"
    else
        not_ok "$fact" "$said"
    fi
}

# skip FACT WHY: this fact cannot be tried here.
skip() {
    echo "ok - $1 # SKIP $2"
}

# skip_all WHY: ends the script, nothing of which can be tried here.
skip_all() {
    echo "skipped: $1"
    exit 77
}

# Ends the script: with success if all facts hold.
finish() {
    exit $((n_failed > 0))
}
