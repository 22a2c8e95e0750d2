#!/usr/bin/env bash
# Can a stranger use what "make install" installs?  A program is built by pkg-config
# alone, with the shared library and with the archive, and run.
set -eu

source=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
build=${top_builddir:-$source/build}
. "$source/tests/tap.sh"
root=$(mktemp -d)
readonly root
trap 'rm -rf "$root"' EXIT

# The test runs inside a parallel make whose flags are not meant for this one.
succeeds "make install" env MAKEFLAGS= make -C "$build" install DESTDIR="$root"
[ $n_failed = 0 ] || finish

pc=$(find "$root" -name vethsim.pc)
libdir=$(dirname "$(find "$root" -name libvethsim.a -o -name libvethsim.so | head -n 1)")
export PKG_CONFIG_PATH=${pc%/*}${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
# As if $root were the machine's root; a --define-variable would move GLib as well.
sed -i "s|^\([a-z_]*\)=/|\1=$root/|" "$pc"

cat > "$root/x.c" <<'C'
#include <stdio.h>
#include <vethsim.h>
int
main(void)
{
    printf("%d models\n", vs_registry_builtin() != NULL);
    return 0;
}
C
# shellcheck disable=SC2046,SC2086  # Flags and commands are words.
if [ -e "$libdir/libvethsim.so" ]; then
    succeeds "a program builds against the shared library" \
        ${CC:-cc} "$root/x.c" -o "$root/x" $(pkg-config --cflags --libs vethsim)
    succeeds "it runs" env LD_LIBRARY_PATH="$libdir" "$root/x"
    # The linker's own symbols aside (the version's name is one).
    succeeds "the shared library shows vs_* only" sh -c "! nm -D --defined-only \
        '$libdir/libvethsim.so' | awk '\$2 != \"A\" { print \$3 }' | grep -v '^vs_'"
fi
# A sanitised archive needs its run-time, which pkg-config does not know.
if [ -e "$libdir/libvethsim.a" ] && ! nm "$libdir/libvethsim.a" 2>&1 | grep -q __asan_; then
    # Our archive, the others' shared libraries: theirs may not be there as archives.
    needs=$(pkg-config --print-requires --print-requires-private vethsim | awk '{ print $1 }')
    # shellcheck disable=SC2046,SC2086
    succeeds "a program builds against the archive" \
        ${CC:-cc} "$root/x.c" -o "$root/xs" $(pkg-config --cflags vethsim) \
        "$libdir/libvethsim.a" $(pkg-config --libs $needs) -lm
    succeeds "it runs, too" "$root/xs"
fi
succeeds "uninstall leaves nothing" sh -c "MAKEFLAGS= make -C '$build' uninstall DESTDIR='$root' &&
    ! find '$root' -mindepth 2 -type f | grep ."
finish
