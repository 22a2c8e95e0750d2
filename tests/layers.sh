#!/usr/bin/env bash
# Does every file include only its own floor and those below?  Prints "ok" or "not ok"
# with the lines at fault.  First it proves, on a made-up tree, that it can see a fault.
#
# usage: layers.sh [--self-test] [TREE]
set -eu
. "$(dirname "$0")/tap.sh"

# ---- The rules: a folder, then the folders it may include besides itself. -------------
# A folder with "/." stands for the files right in it: the umbrella headers vethsim.h and
# vethsim-model.h, each a floor of its own, and models/registry.c, which lists the models.
rules='
libsim/base
libsim/engine      base
libsim/packet      base engine
libsim/balance     base engine packet
libsim/net         base engine packet
libsim/cluster     base engine packet net netfilter
libsim/netfilter   base engine packet balance net
libsim/transport   base engine packet net netfilter
libsim/model       base engine packet balance net netfilter transport cluster
libsim/scenario    base engine packet balance net netfilter transport cluster model
libsim/results     base engine packet balance net netfilter transport cluster model scenario
libsim/.           base engine packet balance net netfilter transport cluster model scenario results
models/.           model vethsim-model.h
models             vethsim-model.h
tools              vethsim.h
'

# Writes "file:line: ..." for each include in the tree $1 that the rules do not allow.
violations() {
    (cd "$1" && find libsim models tools -type f \( -name '*.[ch]' -o -name '*.def' \) 2>/dev/null) |
        LC_ALL=C sort |
        (cd "$1" && xargs -r grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]') |
        awk -v rules="$rules" '
    BEGIN {
        n = split(rules, line, "\n")
        for (i = 1; i <= n; i++) {
            m = split(line[i], word, " ")
            for (j = 2; j <= m; j++) {
                may[word[1], word[j]] = 1
            }
            if (m > 0) {
                known[word[1]] = 1
            }
        }
        may["libsim/.", "vethsim.h"] = may["libsim/.", "vethsim-model.h"] = 1
    }
    function fault(why) {
        print file ":" number ": includes " header ": " why
    }
    {
        match($0, /^[^:]*:[0-9]+:/)
        split(substr($0, 1, RLENGTH - 1), at, ":")
        file = at[1]; number = at[2]
        rest = substr($0, RLENGTH + 1)
        match(rest, /[<"][^>"]*[>"]/)
        header = substr(rest, RSTART, RLENGTH)
        name = substr(header, 2, length(header) - 2)
        quoted = header ~ /^"/

        # Where the file lives, and the key of its rules.
        depth = split(file, part, "/")
        top = part[1]
        place = top == "libsim" ? top "/" part[2] : top
        if (depth == 2 && (top "/.") in known) {
            place = top "/."
        }
        folder = part[2]
        if (!(place in known)) {
            fault("no rule for " place); next
        }

        # What it includes: a floor, an umbrella, a model, a neighbour or the system.
        if (name ~ /^\.\.?\//) {
            fault("paths start at libsim/, not at the file"); next
        }
        sub(/^libsim\//, "", name)
        n_parts = split(name, piece, "/")
        if (name == "vethsim.h" || name == "vethsim-model.h") {
            target = name
        } else if (n_parts > 1 && ("libsim/" piece[1]) in known) {
            target = piece[1]
        } else if (piece[1] == "models" || piece[1] == "tools") {
            # models/registry.c stands above the models: it lists them.
            if (piece[1] != top || (depth > 2 && n_parts > 2 && piece[2] != folder)) {
                fault("not its own folder")
            }
            next
        } else if (!quoted || n_parts == 1) {
            next        # The system, or a neighbour: the compiler finds it there only.
        } else if (top != "libsim" && (depth == 2 || piece[1] == folder)) {
            next
        } else {
            fault("no such floor"); next
        }

        # A table for the preprocessor (net/costs.def) is read where it is spelled out.
        if (top == "models" && name ~ /\.def$/) {
            next
        }
        if (place == "libsim/" target || (place, target) in may) {
            next
        }
        if (top == "models") {
            fault("a model includes vethsim-model.h and its own folder only")
        } else if (top == "tools") {
            fault("a tool includes vethsim.h and its own folder only")
        } else {
            fault(place " lies below " target ", or beside it")
        }
    }'
}

# Each line is a file, an include in it, and whether that is right.
self_test() {
    local file include verdict found failed=0
    while read -r file include verdict; do
        [ -n "$file" ] || continue
        rm -rf "${made_up:?}"/*
        mkdir -p "$made_up/$(dirname "$file")"
        printf '/* One line above. */\n#include %s\n' "$include" > "$made_up/$file"
        found=right
        if [ -n "$(violations "$made_up")" ]; then
            found=wrong
        fi
        if [ "$found" != "$verdict" ]; then
            echo "# $file with $include should be $verdict"
            failed=1
        fi
    done <<'CASES'
libsim/base/units.c         "base/units.h"          right
libsim/base/units.c         "units.h"               right
libsim/base/units.c         <glib.h>                right
libsim/base/units.c         <libxml/tree.h>         right
libsim/base/units.c         "engine/time.h"         wrong
libsim/base/units.c         <engine/time.h>         wrong
libsim/base/units.c         "../engine/time.h"      wrong
libsim/base/units.c         "libsim/engine/time.h"  wrong
libsim/engine/run.h         "base/rng.h"            right
libsim/engine/run.h         "packet/packet.h"       wrong
libsim/balance/maglev.c     "packet/flow.h"         right
libsim/balance/maglev.c     "net/wire.h"            wrong
libsim/net/wire.c           "balance/maglev.h"      wrong
libsim/net/wire.c           "transport/tcp.h"       wrong
libsim/net/wire.c           "vethsim.h"             wrong
libsim/transport/tcp.c      "net/hop.h"             right
libsim/model/model.h        "cluster/service.h"     right
libsim/model/model.h        "scenario/scenario.h"   wrong
libsim/scenario/build.c     "model/model.h"         right
libsim/scenario/build.c     "models/lb/lb.h"        wrong
libsim/attic/old.c          <stdio.h>               wrong
libsim/vethsim.h            "scenario/scenario.h"   right
models/lb/lb.c              "vethsim-model.h"       right
models/lb/lb.c              "lb.h"                  right
models/lb/lb.c              "models/lb/lb.h"        right
models/lb/lb.c              "net/hop.h"             wrong
models/lb/lb.c              "net/costs.def"         right
models/lb/lb.c              "vethsim.h"             wrong
models/lb/lb.c              "models/pod/pod.h"      wrong
models/lb/lb.c              "pod/pod.h"             wrong
models/registry.c           "models/models.def"     right
models/registry.c           "model/registry.h"      right
models/registry.c           "net/hop.h"             wrong
tools/vethsim/cmd_run.c     "vethsim.h"             right
tools/vethsim/cmd_run.c     "commands.h"            right
tools/vethsim/cmd_run.c     "engine/run.h"          wrong
tools/vethsim/cmd_run.c     "vethsim-model.h"       wrong
tools/vethsim/cmd_run.c     "models/lb/lb.h"        wrong
CASES
    return $failed
}

# Never changed after this line: what is removed at the end is what was made here.
made_up=$(mktemp -d "${TMPDIR:-/tmp}/layers.XXXXXX")
readonly made_up
trap 'rm -rf "$made_up"' EXIT

succeeds "layers.sh sees a wrong include" self_test
if [ "${1-}" = --self-test ]; then
    finish
fi

tree=${1:-${top_srcdir:-$(dirname "$0")/..}}
result "every file includes only its own floor and those below" "$(violations "$tree")"
finish
