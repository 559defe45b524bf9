# Helpers of the command line tests; sourced from the repository root. TAP on stdout.
# $bitbench is the program under test, $tmp a folder of its own, removed at the end.
set -u
B=${B:-build/gcc}
bitbench=$PWD/$B/bitbench
root=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
export XDG_CACHE_HOME="$tmp/cache"
unset BITBENCH_DATA
n=0
bad=0

pass() {
    n=$((n + 1))
    echo "ok $n - $1"
}

fail() { # description, file with what was seen
    n=$((n + 1))
    bad=1
    echo "not ok $n - $1"
    [ -z "${2:-}" ] || sed 's/^/# /' "$2" | head -n 20
}

# expect STATUS PATTERN DESCRIPTION COMMAND...: exit status, and an extended regular expression that
# standard output and error together must match ('' = any).
expect() {
    want=$1 pattern=$2 what=$3
    shift 3
    "$@" >"$tmp/seen" 2>&1 </dev/null
    got=$?
    if [ "$got" != "$want" ]; then
        echo "exit $got, expected $want" >>"$tmp/seen"
        fail "$what" "$tmp/seen"
    elif [ -n "$pattern" ] && ! grep -qE -e "$pattern" "$tmp/seen"; then
        echo "expected to match: $pattern" >>"$tmp/seen"
        fail "$what" "$tmp/seen"
    else
        pass "$what"
    fi
}

same() { # description, file, file
    if cmp -s "$2" "$3"; then
        pass "$1"
    else
        diff "$2" "$3" >"$tmp/seen" 2>&1 || true
        fail "$1" "$tmp/seen"
    fi
}

finish() {
    exit $bad
}
