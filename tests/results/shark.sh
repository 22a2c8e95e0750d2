# shellcheck shell=bash
# For scripts that ask tshark about captures, sourced by them: skips the test where there is
# no tshark; gives it a folder and the functions below.  A script ends with `finish`.

. "$top_srcdir/tests/tap.sh"

command -v tshark > /dev/null || skip_all "there is no tshark"

folder=$(mktemp -d "${TMPDIR:-/tmp}/capture.XXXXXX")
trap 'rm -rf "$folder"' EXIT

# is FACT FOUND EXPECTED
is() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "found: $2
expected: $3"
    fi
}

# tshark of the file $1, with all checksums checked; flannel's port means VXLAN too.
shark() {
    local from=$1
    shift
    tshark -n -r "$from" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
        -o udp.check_checksum:TRUE -d udp.port==8472,vxlan "$@" 2> /dev/null
}

# How many packets of the file $1 match the filter $2.
count() {
    shark "$1" -Y "$2" -T fields -e frame.number | wc -l
}

# Runs the scenario $1 below $top_srcdir with a capture in the file $2; more options follow.
capture() {
    local scenario=$1 to=$2
    shift 2
    "$VETHSIM" run "$top_srcdir/$scenario" --no-plots -o "$folder/run" --pcapng "$to" "$@" \
        > "$folder/summary.txt" 2> /dev/null
}

# What tshark's experts note, warn of or call an error in the file $1, but for the notes that
# each connection's end is worth.
remarks() {
    shark "$1" -q -z expert,note | awk '$1 ~ /^[0-9]+$/ && !/the connection closing$/'
}

# What passes the interface $2 in the file $1, into the file $3.
at_interface() {
    shark "$1" -Y "frame.interface_name == \"$2\"" -w "$3"
}

# The values, each once, of the fields that follow the file $1 and the filter $2.
values() {
    local from=$1 filter=$2 field fields=()
    shift 2
    for field; do
        fields+=(-e "$field")
    done
    shark "$from" -Y "$filter" -T fields -E separator=' ' "${fields[@]}" | sort -u
}
