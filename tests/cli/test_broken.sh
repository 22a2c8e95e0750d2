#!/bin/bash
# Each scenario in broken/ has one mistake, and a comment with what vethsim says of it:
#
#     <!-- expect: 7: text -->          line 7 of this file, and a part of the message
#     <!-- expect: a.xml:7: text -->    line 7 of a file that it includes
#
# The program must exit with status 2 and print nothing but that one line, on stderr.

vethsim=${VETHSIM:-./vethsim}
folder=${top_srcdir:-.}/tests/cli/broken
. "${top_srcdir:-.}/tests/tap.sh"

files=("$folder"/*.xml)
for file in "${files[@]}"; do
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
        not_ok "$name" "$output
expected: $place: ... $text"
    else
        ok "$name"
    fi
done

succeeds "there are 60 of them at least" [ ${#files[@]} -ge 60 ]
finish
