#!/usr/bin/env bash
# Is each line that the README shows as printed still printed?  "..." stands for others.
set -u

. "$top_srcdir/tests/tap.sh"
cd "$top_srcdir" || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
article=scenarios/article/scenario.xml

# What it shows, its blocks without a language but for the first, which is a drawing.
awk '/^```/ { is_open = !is_open; is_plain = is_open && $0 == "```"; n += is_plain; next }
     is_plain && n > 1' README.md |
    grep -vE '^ *\.\.\.$' > "$folder/shown"

{
    "$VETHSIM" run "$article" --no-plots -o "$folder/run"
    "$VETHSIM" trace "$article" --from users --to http://shop.example/cart --why-not 10.244.0.2:80
    "$VETHSIM" trace "$article" --from users --to http://shop.example/cart
    "$VETHSIM" select maglev --backends a,b,c,d --count 100000 --remove c
} > "$folder/printed" 2> /dev/null

result "the README shows something" "$([ "$(wc -l < "$folder/shown")" -gt 50 ] || echo "nothing")"
result "what the README shows is printed" \
    "$(grep -vxF -f "$folder/printed" "$folder/shown")"
finish
