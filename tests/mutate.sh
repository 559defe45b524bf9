#!/bin/sh
# Plants five faults, one at a time, in a copy of the sources and shows that the tests of `make check` notice each.
# Usage: tests/mutate.sh, from the repository root, after `make`. TAP; exit 0 when all five are noticed.
set -u
B=${B:-build/gcc}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT INT TERM
cp -a Makefile harness models datasets protocols results tests "$tmp/"
mkdir -p "$tmp/build"
cp -a "$B" "$tmp/build/"
n=0 bad=0
# A part of the programs of `make check`: what one of them notices, the whole notices.
programs="tests/parity/model.c tests/parity/probe.c tests/parity/pixels.c tests/unit/record.c tests/unit/transform.c
tests/unit/idx.c tests/unit/dataset.c"

plant() { # description, file, sed command
    n=$((n + 1))
    cp -p "$tmp/$2" "$tmp/kept"
    sed -i "$3" "$tmp/$2"
    if cmp -s "$tmp/$2" "$tmp/kept"; then
        echo "not ok $n - $1: the fault could not be planted in $2"; bad=1
        return
    fi
    if make -s -C "$tmp" B="$B" check TEST_SRC="$(echo $programs)" FUZZ_SRC= CLI_TEST= >"$tmp/log" 2>&1; then
        echo "not ok $n - $1: nobody noticed"; bad=1
    elif grep -q '^[0-9]* passed, [1-9]' "$tmp/log"; then
        echo "ok $n - $1: $(grep -c '^FAIL' "$tmp/log") test programs fail"
    else
        echo "not ok $n - $1: it does not build"; tail -n 5 "$tmp/log"; bad=1
    fi
    cp -p "$tmp/kept" "$tmp/$2"
    touch "$tmp/$2"
}
plant "last channel dropped" models/kernels/head.c 's/k < p->c; k++/k + 1 < p->c; k++/'
plant "crop off by one" datasets/transform.c '/^static size_t crop_offset/,/^}/s/return /return 1 + /'
plant "l2 doubled" protocols/ridge_fit.c 's/values\[k\] + l2/values[k] + 2 * l2/'
plant "wrong tie rule" results/record.c 's/scores\[c\] > scores\[best\]/scores[c] >= scores[best]/'
plant "two labels swapped" datasets/idx.c 's/\(return (.*labels\[source_split\]\[i\]\);/\1 ^ 1;/'
exit $bad
