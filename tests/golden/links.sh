#!/usr/bin/env bash
# Do the links in the documents lead to files, and to headings that are there?
set -u

. "$top_srcdir/tests/tap.sh"
cd "$top_srcdir" || exit 1

# GitHub's name of each heading of the file $1: "Nagle's algorithm" is nagles-algorithm.
anchors() {
    awk '/^```/ { is_code = !is_code } !is_code && /^#+ /' "$1" | sed 's/^#* //' |
        tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

# Prints what is wrong with the link $2 in the file $1.
problem() {
    local target=${2%%#*} file

    file=$(dirname "$1")/$target
    [ -n "$target" ] || file=$1
    if [ ! -e "$file" ]; then
        echo "$1: there is no $target"
    elif [[ $2 == *'#'* ]] && ! anchors "$file" | grep -qxF -e "${2#*#}"; then
        echo "$1: there is no heading ${2#*#} in $file"
    fi
}

n_links=0
problems=
while IFS=: read -r file link; do
    n_links=$((n_links + 1))
    problems+=$(problem "$file" "$link")$'\n'
done < <(find README.md docs scenarios tests/bench -name '*.md' -exec grep -oHE '\]\([^) ]+\)' {} + |
    sed -E 's/\]\((.*)\)$/\1/' | grep -v '://')
result "there are links" "$([ "$n_links" -gt 40 ] || echo "$n_links")"
result "all of them lead somewhere" "$(grep . <<< "$problems")"
finish
