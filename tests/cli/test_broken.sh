#!/bin/bash
# Each scenario in broken/ has one mistake, and a comment with what vethsim says of it:
#
#     <!-- expect: 7: text -->          line 7 of this file, and a part of the message
#     <!-- expect: a.xml:7: text -->    line 7 of a file that it includes
#
# The program must exit with status 2 and print nothing but that one line, on stderr.

vethsim=${VETHSIM:-./vethsim}
folder=${top_srcdir:-.}/tests/cli/broken
n=0
n_failed=0

ok() {
    n=$((n + 1))
    echo "ok $n - $1"
}

not_ok() {
    n=$((n + 1))
    n_failed=$((n_failed + 1))
    echo "not ok $n - $1: $2"
}

for file in "$folder"/*.xml; do
    name=${file##*/}
    name=${name%.xml}
    expected=$(sed -n 's/^<!-- expect: \(.*\) -->$/\1/p;T;q' "$file")
    place=${expected%%: *}
    text=${expected#*: }
    case $place in
    *:*) place=$folder/$place ;;
    *) place=$file:$place ;;
    esac

    output=$("$vethsim" check "$file" 2>&1)
    status=$?
    if [ -z "$expected" ]; then
        not_ok "$name" "no line <!-- expect: -->"
    elif [ $status -ne 2 ]; then
        not_ok "$name" "exit status $status, not 2: $output"
    elif [[ $output == *$'\n'* ]]; then
        not_ok "$name" "more than a line: $output"
    elif [[ $output != "$place: "* || $output != *"$text"* ]]; then
        not_ok "$name" "$output"
        echo "# expected: $place: ... $text"
    else
        ok "$name"
    fi
done

echo "1..$n"
[ $n -ge 60 ] && [ $n_failed -eq 0 ]
