#!/usr/bin/env bash
# Is each figure of scenarios/ what its runs give today?  tools/figures.py knows.
set -u

. "$top_srcdir/tests/tap.sh"
command -v python3 > /dev/null || skip_all "there is no python3"

while read -r readme; do
    folder=$(dirname "$readme")
    if [ -f "$folder/figure.txt" ]; then
        succeeds "the figure of ${folder##*/} is what its runs give" \
            python3 "$top_srcdir/tools/figures.py" "$VETHSIM" --check "$folder"
    else
        not_ok "the incident ${folder##*/} has a figure" "there is no figure.txt"
    fi
done < <(find "$top_srcdir/scenarios/incidents" -name README.md | sort)

if [ $n_failed != 0 ]; then
    echo "# Is that meant?  Then draw them anew, \"make figures\", and look at them."
fi
finish
