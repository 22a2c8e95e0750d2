#!/usr/bin/env bash
# Is each figure of scenarios/ and docs/ what its runs give today?  tools/figures.py knows.
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

# That of docs/first-packet is drawn by a script of its own.
drawn_by() {
    grep -m 1 '^<desc>' "$1"
}
first=$top_srcdir/docs/first-packet
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
if ! command -v gnuplot > /dev/null; then
    skip "the figure of first-packet is what its runs give" "there is no gnuplot"
else
    cp "$first/plot.sh" "$first/scenario.xml" "$folder"
    bash "$folder/plot.sh" "$VETHSIM" > /dev/null 2>&1
    if [ "$(drawn_by "$folder/first-packet.svg")" != "$(drawn_by "$first/first-packet.svg")" ]; then
        skip "the figure of first-packet is what its runs give" "another gnuplot has drawn it"
    else
        succeeds "the figure of first-packet is what its runs give" \
            cmp "$folder/first-packet.svg" "$first/first-packet.svg"
    fi
fi

if [ "$n_failed" != 0 ]; then
    echo "# Is that meant?  Then draw them anew, \"make figures\" or plot.sh, and look at them."
fi
finish
