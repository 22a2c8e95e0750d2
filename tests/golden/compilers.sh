#!/usr/bin/env bash
# gcc and clang, without optimisation and with all of it, make the same runs: the library
# and the program that prints digests are built anew with each, out of tree, and agree to
# the last bit.  Slow and fast floating point, other orders of evaluation, uninitialised
# memory would all show here.  The programs are kept in the build folder, and made again
# only when a source is newer.
set -u
. "$top_srcdir/tests/tap.sh"

runs=(
    "scenarios/article/scenario.xml 1s"
    "scenarios/simple-fanout/scenario.xml 1s"
    "scenarios/cloud-lb-direct/scenario.xml 1s"
)
builds=(
    "gcc -O0"
    "gcc -O3"
    "clang -O0"
    "clang -O3 -march=native"
)

reference=
folder=$(mktemp -d)
kept=$top_builddir/tests/golden/compilers
mkdir -p "$kept"
trap 'rm -rf "$folder"' EXIT

# What the Makefile says of variable $1.
make_variable() {
    sed -n "s/^$1 = //p" "$top_builddir/Makefile" | head -n 1
}

# The library's sources, as the Makefile has them.
sources() {
    printf 'print-golden-sources:\n\t@echo $(libvethsim_la_SOURCES)\n' > "$folder/print.mk"
    make -s -C "$top_builddir" -f Makefile -f "$folder/print.mk" print-golden-sources |
        tr ' ' '\n' | grep '\.c$'
}

# Is the program $1 newer than all it is made of?
is_fresh() {
    [ -x "$1" ] && [ -z "$(cd "$top_srcdir" && find libsim models tests/golden/digest.c \
        -name '*.[chd]*' -newer "$1" -print -quit)" ]
}

# build COMPILER OPTIONS...: one object for each source, as many at a time as there are
# processors.
build() {
    local into=$folder/objects
    rm -rf "$into"
    mkdir -p "$into"
    (cd "$top_srcdir" && { sources; echo tests/golden/digest.c; } |
        xargs -P "$(nproc)" -I '{}' sh -c '
            into=$1 file=$2
            shift 2
            exec "$@" -c -o "$into/$(echo "$file" | tr / _).o" "$file"
        ' sh "$into" '{}' "$@" "@$folder/flags") &&
        "$1" -o "$program" "$into"/*.o "@$folder/libs"
}

# Quoted for a shell, which is how compilers read their @files.  Without -g, which takes
# time and changes nothing.
echo "-std=gnu11 -ffp-contract=off -w -Ilibsim -I. $(make_variable DEPS_CFLAGS)" \
    "$(make_variable DEFS) $(make_variable VS_CPPFLAGS)" > "$folder/flags"
echo "$(make_variable DEPS_LIBS) -lm" > "$folder/libs"

for builder in "${builds[@]}"; do
    read -r compiler options <<< "$builder"
    if ! command -v "$compiler" > /dev/null; then
        skip "$builder" "there is no $compiler"
        continue
    fi
    program=$kept/${builder// /_}
    # shellcheck disable=SC2086
    if ! is_fresh "$program" && ! build "$compiler" $options > "$folder/log" 2>&1; then
        not_ok "$builder compiles" "$(tail -n 20 "$folder/log")"
        continue
    fi
    digests=$(for run in "${runs[@]}"; do
        read -r file until <<< "$run"
        "$program" "$top_srcdir/$file" "$until" 2>&1
    done)
    reference=${reference:-$digests}
    if [ "$digests" = "$reference" ] && [ "$(wc -w <<< "$digests")" = ${#runs[@]} ]; then
        ok "$builder: $(echo $digests)"
    else
        not_ok "$builder makes the runs of the first" "$digests
of the first: $reference"
    fi
done
finish
