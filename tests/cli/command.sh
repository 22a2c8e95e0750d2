# shellcheck shell=bash
# For scripts that try the command from outside, sourced by them: $vethsim, a $folder of
# their own, and the functions below on top of those of tests/tap.sh.

. "${top_srcdir:-.}/tests/tap.sh"

vethsim=$(realpath "${VETHSIM:-./vethsim}")
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# check FACT CONDITION...: "ok" if the command CONDITION succeeds, else the last run's end.
check() {
    local fact=$1

    shift
    if "$@"; then
        ok "$fact"
    else
        not_ok "$fact" "status $status
stdout: ${out:0:2000}
stderr: $err"
    fi
}

# run ARGUMENTS...: sets status, out and err; also leaves $folder/out and $folder/err.
run() {
    "$vethsim" "$@" > "$folder/out" 2> "$folder/err" < /dev/null
    status=$?
    out=$(< "$folder/out")
    err=$(< "$folder/err")
}

# said STATUS OUT ERR: the last run ended so, with these parts in its streams; "" is none.
said() {
    [ "$status" -eq "$1" ] && part "$2" "$out" && part "$3" "$err"
}

# part PART TEXT: the text has this part; "" is no text at all.
part() {
    if [ -z "$1" ]; then
        [ -z "$2" ]
    else
        [[ $2 == *"$1"* ]]
    fi
}

not() {
    ! "$@"
}
