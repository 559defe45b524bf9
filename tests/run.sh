#!/bin/sh
# Runs test programs (TAP on stdout) and scripts, prints what failed or was skipped and ends with
# `N passed, N failed, N skipped`. A program that ends badly or prints no test counts as one failure.
# --bare PROGRAM ARG...: one program with arguments; the closing line has two numbers when
# nothing was skipped.
set -u
bare=0
if [ "${1:-}" = --bare ]; then bare=1; shift; fi
passed=0 failed=0 skipped=0
out=$(mktemp) skips=$(mktemp)
trap 'rm -f "$out" "$skips"' EXIT INT TERM
one() {
    name=$1
    case $name in
    *.sh) sh "$@" >"$out" 2>"$out.err" ;;
    *) CMOCKA_MESSAGE_OUTPUT=TAP "$@" >"$out" 2>"$out.err" ;;
    esac
    status=$?
    # cmocka writes a skipped test as "not ok N # SKIP name".
    sed -i -E 's/^not (ok [0-9]+ # SKIP )/\1/' "$out"
    p=$(grep -c '^ok ' "$out"); f=$(grep -c '^not ok ' "$out")
    s=$(grep -ciE '^ok .*# skip' "$out"); p=$((p - s))
    if [ "$f" = 0 ] && { [ $status != 0 ] || [ $((p + s)) = 0 ]; }; then f=1; fi
    if [ "$f" != 0 ]; then
        echo "FAIL $name (exit $status)"
        grep -v '^ok ' "$out" | head -n 60; tail -n 60 "$out.err"
    fi
    grep -iE '^ok .*# skip' "$out" | sed "s|^ok [0-9]*|skip $(basename "$name")|" >>"$skips"
    passed=$((passed + p)); failed=$((failed + f)); skipped=$((skipped + s))
    rm -f "$out.err"
}
if [ $bare = 1 ]; then
    one "$@"
else
    for t in "$@"; do one "$t"; done
fi
cat "$skips"
if [ $bare = 1 ] && [ $skipped = 0 ]; then
    echo "$passed passed, $failed failed"
else
    echo "$passed passed, $failed failed, $skipped skipped"
fi
[ $failed = 0 ]
