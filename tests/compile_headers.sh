#!/usr/bin/env bash
# Does every public header compile alone, without a warning, in C and (where there is a
# C++ compiler) inside extern "C"?  And after itself: a header may be included twice.
set -eu

source=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
build=${top_builddir:-$source/build}
# GLib's own C++ parts must stay outside of extern "C": it is included first.
flags="-I$source/libsim $(pkg-config --cflags glib-2.0 libxml-2.0)"
warn="-Wall -Wextra -Wstrict-prototypes -Werror"
. "$source/tests/tap.sh"

headers=$(MAKEFLAGS='' make -s --no-print-directory -C "$build" print-public-headers)

for header in $headers; do
    case $header in
    *.h) ;;
    *) continue ;;          # Tables for the preprocessor are not C by themselves.
    esac
    name=${header#libsim/}
    lines="#include \"$name\"
#include \"$name\""

    # shellcheck disable=SC2086  # Flags are words.
    if printf '%s\n' "$lines" |
        ${CC:-cc} -std=gnu11 -fsyntax-only $warn $flags -x c -; then
        ok "$name is complete in C"
    else
        not_ok "$name is complete in C"
    fi

    if [ -n "${CXX-}" ] && command -v "${CXX%% *}" > /dev/null; then
        # shellcheck disable=SC2086
        if printf '#include <glib.h>\nextern "C" {\n%s\n}\n' "$lines" |
            $CXX -fsyntax-only $flags -x c++ -; then
            ok "$name is complete in C++"
        else
            not_ok "$name is complete in C++"
        fi
    fi
done
finish
