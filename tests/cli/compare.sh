#!/bin/sh
# The regression gate: compare, stats, pack, history, results, on real cells of a small run.
. tests/cli/lib.sh
export GIT_DIR="$tmp/no-git" # labels come from what the test says
unset GITHUB_SHA CI_COMMIT_SHA GIT_COMMIT 2>/dev/null || true

fewshot() { # out, options...
    out=$1
    shift
    "$bitbench" -q fewshot -m pixels -d fashion-mnist --size 8 --shots 1,5 --draws 3 --test-limit 400 "$@" -o "$out" >/dev/null
}
fewshot "$tmp/a" --label commit=one --label time=2026-01-01T00:00:00Z
fewshot "$tmp/b" --label commit=two --label time=2026-01-02T00:00:00Z
fewshot "$tmp/kernel" --kernel pilbilinear
fewshot "$tmp/draws" --draws 2

# Packs.
expect 0 "" "pack" "$bitbench" pack "$tmp/a" -o "$tmp/base.h5" --outcomes pred
expect 2 "base.h5 is there already" "pack does not replace a file" "$bitbench" pack "$tmp/a" -o "$tmp/base.h5"
expect 2 "is required" "pack without -o" "$bitbench" pack "$tmp/a"
expect 2 "$tmp/file" "a pack below a regular file" sh -c ": >'$tmp/file'; exec '$bitbench' pack '$tmp/a' -o '$tmp/file/p.h5'"
"$bitbench" -q pack "$tmp/b" -o "$tmp/again.h5" --outcomes pred
expect 0 "6 cells" "a pack of a pack" "$bitbench" pack "$tmp/base.h5" -o "$tmp/twice.h5" --outcomes pred
same "a pack of a pack is the same pack" "$tmp/base.h5" "$tmp/twice.h5"
"$bitbench" report "$tmp/a" >"$tmp/r1"
"$bitbench" report "$tmp/base.h5" >"$tmp/r2"
same "report reads a pack as it reads the directory" "$tmp/r1" "$tmp/r2"
expect 0 "^done +6$" "status reads a pack" "$bitbench" status "$tmp/base.h5"
expect 0 "" "plot reads a pack" "$bitbench" plot "$tmp/base.h5" -o "$tmp/p.svg"
expect 0 "\"bitbench-pack|H5T_STD_I32LE" "h5dump reads a pack" h5dump -d /sets/0/pred "$tmp/base.h5"
expect 0 '"ok"' "h5dump reads its columns" h5dump -d /cells/status "$tmp/base.h5"
cell=$(ls "$tmp"/a/cells/*.h5 | head -n 1)
expect 0 'draw:[0-9]' "h5dump reads a cell's signature" h5dump -a /signature "$cell"
expect 0 '\(0\): ' "and its outcomes" h5dump -d /outcomes/margin "$cell"
expect 0 "CSET H5T_CSET_ASCII" "texts are ASCII where they can be: Octave reads no others" h5dump -H -d /spec "$cell"
if command -v octave-cli >/dev/null 2>&1; then
    expect 0 "^400 0\\.[0-9]+ model=pixels" "Octave reads a cell" octave-cli -q --eval \
        "s = load('-hdf5', '$cell'); o = s.outcomes; printf('%d %g %s', numel(o.pred), mean(o.pred == o.label), s.spec)"
    expect 0 "^ *400 +6\$" "Octave reads a pack" octave-cli -q --eval "p = load('-hdf5', '$tmp/base.h5'); disp(size(p.sets._0.pred))"
fi
python=
for p in python3 /usr/bin/python3; do
    if [ -z "$python" ] && "$p" -c 'import h5py' 2>/dev/null; then python=$p; fi
done
if [ -n "$python" ]; then
    cat >"$tmp/read.py" <<'PY'
import sys, h5py
cell, pack = h5py.File(sys.argv[1]), h5py.File(sys.argv[2])
run_id = cell.attrs["run_id"].decode()
row = [v.decode() for v in pack["cells/run_id"][:]].index(run_id)
pred = pack["sets/0/pred"][list(pack["sets/0/cell"][:]).index(row)]
assert (pred == cell["outcomes/pred"][:]).all() and len(pred) == 400
assert int((pred == pack["sets/0/label"][:]).sum()) == cell["metrics"].attrs["n_correct"]
print("the same")
PY
    expect 0 "the same" "h5py reads cells and packs" "$python" "$tmp/read.py" "$cell" "$tmp/base.h5"
else
    pass "h5py reads cells and packs # SKIP h5py is not installed"
fi

# Several on a side, directories, packs and cells mixed: halves of a run are the whole of it.
mkdir -p "$tmp/half1/cells" "$tmp/half2/cells"
cp "$tmp/a/plan.tsv" "$tmp/half1"
cp "$tmp/a/plan.tsv" "$tmp/half2"
i=0
for cell in "$tmp"/a/cells/*.h5; do
    i=$((i + 1))
    cp "$cell" "$tmp/half$((1 + i % 2))/cells"
done
"$bitbench" -q pack "$tmp/half2" -o "$tmp/half2.h5"
expect 0 "half1 \\+ .*half2.h5: 6 cells" "compare takes several of the base" "$bitbench" compare "$tmp/half1" "$tmp/b" --base "$tmp/half2.h5" --exact
expect 0 "half2.h5 \\+ .*half1: 6 cells" "and of the candidate" "$bitbench" compare "$tmp/base.h5" "$tmp/half2.h5" --cand "$tmp/half1" --exact
expect 1 "3 cells are missing in the candidate" "one half lacks cells" "$bitbench" compare "$tmp/a" "$tmp/half1"
"$bitbench" -q compare "$tmp/a" "$tmp/b" --json >"$tmp/whole.json"
"$bitbench" -q compare "$tmp/half2.h5" "$tmp/b" --base "$tmp/half1" --json >"$tmp/halves.json"
sed -i 's/"base": "[^"]*"//' "$tmp/whole.json" "$tmp/halves.json"
same "halves compare as the whole does" "$tmp/whole.json" "$tmp/halves.json"
expect 2 "$tmp/none" "another part that is not there" "$bitbench" compare "$tmp/a" "$tmp/b" --base "$tmp/none"
expect 0 "^done +6$" "status takes several" "$bitbench" status "$tmp/half1" "$tmp/half2.h5"
expect 0 "^missing +3$" "and says what one half lacks" "$bitbench" status "$tmp/half1"
expect 0 "3 planned ones missing" "so does results check, of each" "$bitbench" results check "$tmp/half1" "$tmp/half2.h5"
for command in report "results metrics" "results aggregate"; do
    "$bitbench" -q $command "$tmp/a" >"$tmp/r1"
    "$bitbench" -q $command "$tmp/half1" "$tmp/half2.h5" >"$tmp/r2"
    sort "$tmp/r1" >"$tmp/r1s" && sort "$tmp/r2" >"$tmp/r2s"
    same "$command of both halves is that of the whole" "$tmp/r1s" "$tmp/r2s"
done
expect 0 "2 points" "history takes several" "$bitbench" history "$tmp/a" "$tmp/base.h5"
expect 0 "" "plot takes several" "$bitbench" plot "$tmp/half1" "$tmp/half2.h5" -o "$tmp/halves.svg"
expect 0 "6 cells" "pack takes several" "$bitbench" pack "$tmp/half1" "$tmp/half2.h5" -o "$tmp/both.h5"

# The verdict.
cp "$(ls "$tmp"/b/cells/*.h5 | head -n 1)" "$tmp/cell.h5"
"$bitbench" -q fewshot -m pixels -d fashion-mnist --size 8 --shots 5 --draws 1 --test-limit 400 -o "$tmp/one" >/dev/null
expect 0 "6 cells.*|pass: 0 of 2" "the same again" "$bitbench" compare "$tmp/base.h5" "$tmp/b"
expect 0 "all 1200 predictions are the same" "--exact: the same" "$bitbench" compare "$tmp/a" "$tmp/b" --exact
expect 0 "pass" "--max-drop 0: the same" "$bitbench" compare "$tmp/a" "$tmp/b" --max-drop 0
expect 2 "protocols differ: rs: 8-8-squash-tf2bilinear against 8-8-squash-pilbilinear" "another resize kernel is refused by name" "$bitbench" compare "$tmp/a" "$tmp/kernel"
expect 1 "[0-9]+ of 1200 predictions differ" "--exact --vary rs finds it" "$bitbench" compare "$tmp/a" "$tmp/kernel" --vary rs --exact
expect 1 "cannot exclude a drop of 0.1 points|worse" "--max-drop that so few images cannot settle" "$bitbench" compare "$tmp/a" "$tmp/kernel" --vary rs --max-drop 0.1
expect 0 "pass" "--inconclusive pass" "$bitbench" compare "$tmp/a" "$tmp/kernel" --vary rs --max-drop 0.1 --inconclusive pass
expect 1 "2 cells are missing in the candidate" "missing cells" "$bitbench" compare "$tmp/a" "$tmp/draws"
expect 0 "2 cells are in the candidate only" "cells that only the candidate has" "$bitbench" compare "$tmp/draws" "$tmp/a"
expect 2 "no protocol has a field of that name" "--vary with an unknown field" "$bitbench" compare "$tmp/a" "$tmp/b" --vary kernels
expect 2 "'1x' is not a number" "--max-drop that is no number" "$bitbench" compare "$tmp/a" "$tmp/b" --max-drop 1x
expect 2 "give one" "--exact with --max-drop" "$bitbench" compare "$tmp/a" "$tmp/b" --max-drop 1 --exact
expect 2 "neither pass nor fail" "--inconclusive maybe" "$bitbench" compare "$tmp/a" "$tmp/b" --max-drop 1 --inconclusive maybe
"$bitbench" -q fewshot -m pixels -d fashion-mnist --size 8 --shots 1,5 --draws 3 --test 'test[400:800]' -o "$tmp/elsewhere" >/dev/null
expect 2 "protocols differ: test: \\[:400\\]:400/400 against \\[400:800\\]:400/400" "other test images are refused by name" "$bitbench" compare "$tmp/a" "$tmp/elsewhere"
expect 2 "no common test images: 0 of 400" "also when the slice may vary" "$bitbench" compare "$tmp/a" "$tmp/elsewhere" --vary test
"$bitbench" -q fewshot -m pixels -d fashion-mnist --size 8 --shots 1,5 --draws 3 --test-limit 300 -o "$tmp/smaller" >/dev/null
expect 2 "differ in size: 400 images in .*, 300 in" "test sets of different sizes" "$bitbench" compare "$tmp/a" "$tmp/smaller" --vary test
expect 0 "one draw only.*other draws" "one draw: what it cannot tell is said" "$bitbench" compare "$tmp/one" "$tmp/a"
expect 0 "a drop of [0-9.]+ points would have been found" "all equal: what would have been found" "$bitbench" compare "$tmp/a" "$tmp/b"
mkdir -p "$tmp/empty/cells"
expect 2 "$tmp/empty: no cells" "a side without cells" "$bitbench" compare "$tmp/empty" "$tmp/a"
echo text >"$tmp/foreign"
expect 2 "foreign: not a cell" "a foreign file" "$bitbench" compare "$tmp/a" "$tmp/foreign"
cp "$tmp/cell.h5" "$tmp/newer.h5"
sed -i '1s/bitbench-cell 1/bitbench-cell 9/' "$tmp/newer.h5"
expect 2 "cell format 9: this program reads 1" "a cell of a newer program" "$bitbench" compare "$tmp/newer.h5" "$tmp/a"
sed -i '1s/bitbench-cell 9/bitbench-cell 0/' "$tmp/newer.h5"
expect 2 "cell format 0: this program reads 1" "a cell of an older format" "$bitbench" compare "$tmp/a" "$tmp/newer.h5"
expect 2 "$tmp/nothing" "a side that is not there" "$bitbench" compare "$tmp/a" "$tmp/nothing"
expect 0 "1 cells" "a single cell as candidate of itself" "$bitbench" compare "$tmp/cell.h5" "$tmp/b"

# Output.
expect 1 '"result": "fail"' "--json" "$bitbench" --json compare "$tmp/a" "$tmp/kernel" --vary rs --exact
expect 1 '^\| test set' "Markdown" "$bitbench" compare "$tmp/a" "$tmp/kernel" --vary rs --exact -f md
expect 0 "" "--junit" "$bitbench" compare "$tmp/a" "$tmp/b" --junit "$tmp/junit.xml"
expect 0 'tests="2" failures="0"' "the JUnit file" cat "$tmp/junit.xml"
"$bitbench" compare "$tmp/a" "$tmp/b" --junit "$tmp/file/j.xml" >"$tmp/said" 2>"$tmp/why"
expect 2 "" "a JUnit file that cannot be written" "$bitbench" compare "$tmp/a" "$tmp/b" --junit "$tmp/file/j.xml"
expect 1 "" "and then no verdict is printed" test -s "$tmp/said"
"$bitbench" compare "$tmp/a" "$tmp/kernel" --vary rs --changed >"$tmp/changed"
expect 0 "^test set	replicate	position	id	label	base	candidate" "--changed lists images" head -n 1 "$tmp/changed"
n_said=$("$bitbench" compare "$tmp/a" "$tmp/kernel" --vary rs --exact | sed -n 's/.*: \([0-9]*\) of 1200 predictions differ.*/\1/p' | awk '{ n += $1 } END { print n }')
expect 0 "" "as many as --exact counts" test "$n_said" = $(($(wc -l <"$tmp/changed") - 1))
expect 0 "" "--contact-sheet" "$bitbench" compare "$tmp/a" "$tmp/kernel" --vary rs --contact-sheet "$tmp/lost.html"
expect 0 "data:image/png;base64," "it shows images" cat "$tmp/lost.html"
expect 2 "junit.xml is there already; --force" "a JUnit file that is there" "$bitbench" compare "$tmp/a" "$tmp/b" --junit "$tmp/junit.xml"
"$bitbench" compare "$tmp/a" "$tmp/b" --junit "$tmp/junit.xml" >"$tmp/said" 2>/dev/null
expect 1 "" "and then no verdict is printed either" test -s "$tmp/said"
expect 0 "pass" "--force replaces it" "$bitbench" compare "$tmp/a" "$tmp/b" --junit "$tmp/junit.xml" --force
expect 2 "lost.html is there already; --force" "a contact sheet that is there" "$bitbench" compare "$tmp/a" "$tmp/kernel" --vary rs --contact-sheet "$tmp/lost.html"
expect 2 "$tmp/file" "a contact sheet that cannot be written" "$bitbench" compare "$tmp/a" "$tmp/kernel" --vary rs --contact-sheet "$tmp/file/l.html"
expect 2 "$tmp/a is a folder" "an output file that is a folder" "$bitbench" compare "$tmp/a" "$tmp/b" --junit "$tmp/a" --force
"$bitbench" compare "$tmp/a" "$tmp/b" --changed --junit "$tmp/changed.xml" >/dev/null
expect 0 'tests="2"' "--changed with --junit writes both" cat "$tmp/changed.xml"
for run in 1 2; do "$bitbench" --json compare "$tmp/a" "$tmp/kernel" --vary rs --threads $run >"$tmp/json$run"; done
same "the bootstrap does not depend on threads or runs" "$tmp/json1" "$tmp/json2"

# Given outcomes.
printf 'base,cand\n1,0\n1,1\n0,1\n1,0\n' >"$tmp/o.csv"
expect 0 "2 images lost and 1 won of 4" "stats" "$bitbench" stats "$tmp/o.csv"
expect 1 "2 outcomes differ|3 of 4 outcomes differ" "stats --exact" "$bitbench" stats "$tmp/o.csv" --exact
printf 'base,cand\n1,0\n1,maybe\n' >"$tmp/bad.csv"
expect 2 "bad.csv: line 3: cand: 'maybe' is not 0 or 1" "stats of a bad row" "$bitbench" stats "$tmp/bad.csv"
expect 2 "none.csv" "stats of no file" "$bitbench" stats "$tmp/none.csv"
expect 2 "junit.xml is there already; --force" "stats onto a file that is there" "$bitbench" stats "$tmp/o.csv" --junit "$tmp/junit.xml"

# Damage.
cp -r "$tmp/b" "$tmp/hurt"
cell=$(ls "$tmp"/hurt/cells/*.h5 | head -n 1)
printf 'X' | dd of="$cell" bs=1 seek=3000 conv=notrunc 2>/dev/null
expect 2 "1 damaged cells" "a damaged cell: no verdict" "$bitbench" compare "$tmp/a" "$tmp/hurt"
expect 1 "^damaged +$(basename "$cell" .h5)" "results check names it" "$bitbench" results check "$tmp/hurt"
expect 1 "" "--set-aside" "$bitbench" results check "$tmp/hurt" --set-aside
expect 0 "" "moves it away" test -f "$cell.stale"
expect 0 "1 planned ones missing" "and then it is missing" "$bitbench" results check "$tmp/hurt"
fewshot "$tmp/hurt"
expect 0 "pass" "until it is run again" "$bitbench" compare "$tmp/a" "$tmp/hurt" --exact
cp "$tmp/base.h5" "$tmp/hurt.h5"
printf 'X' | dd of="$tmp/hurt.h5" bs=1 seek=3000 conv=notrunc 2>/dev/null
expect 2 "hurt.h5: damaged: SHA-256" "a damaged pack" "$bitbench" compare "$tmp/hurt.h5" "$tmp/a"
sed 's/^bitbench-pack 1/bitbench-pack 9/' "$tmp/base.h5" >"$tmp/newer.h5"
expect 2 "pack format 9: this program reads 1" "a pack of a newer program" "$bitbench" compare "$tmp/newer.h5" "$tmp/a"

# Metrics, aggregates, history.
expect 0 "train:k5,nested.* 400 " "results metrics" "$bitbench" results metrics "$tmp/base.h5"
expect 0 "class +n +n_correct" "results metrics --per-class" "$bitbench" results metrics "$tmp/a" --per-class
expect 0 '"nll": null, "brier": null' "without probabilities what needs them is absent" "$bitbench" --json results metrics "$tmp/one"
"$bitbench" -q linear -m pixels -d fashion-mnist --size 8 --train-n 200 --c 0.01 --test-limit 400 -o "$tmp/linear" >/dev/null
expect 0 '"nll": [0-9.]+, "brier": [0-9.]+' "with probabilities it is there" "$bitbench" --json results metrics "$tmp/linear"
expect 0 "label +prediction +n" "results metrics --confusion" "$bitbench" results metrics "$tmp/linear" --confusion
expect 0 "mass +14 +27 " "results metrics --bins: 400 images in 15 bins of equal mass" "$bitbench" results metrics "$tmp/linear" --bins
expect 0 " top3 " "results metrics --top 3" "$bitbench" results metrics "$tmp/linear" --top 3
expect 0 "draw_share" "results aggregate" "$bitbench" results aggregate "$tmp/base.h5"
expect 2 "did you mean 'metrics'" "results with an unknown word" "$bitbench" results metric "$tmp/a"
mkdir "$tmp/history"
mv "$tmp/again.h5" "$tmp/history/a.h5"
cp "$tmp/base.h5" "$tmp/history/b.h5"
"$bitbench" -q history "$tmp/history" -o "$tmp/h.svg" >"$tmp/h"
expect 0 "" "history in the order of time, as a table" sh -c "grep -n ' one ' '$tmp/h' | head -n 1 | grep -q '^3:'"
expect 0 "<svg" "and as a picture" cat "$tmp/h.svg"
expect 2 "h.svg is there already; --force" "history does not replace a file" "$bitbench" history "$tmp/history" -o "$tmp/h.svg"
expect 0 "" "unless --force is given" "$bitbench" history "$tmp/history" -o "$tmp/h.svg" --force
expect 2 "p.svg is there already; --force" "neither does plot" "$bitbench" plot "$tmp/a" -o "$tmp/p.svg"
expect 0 "" "unless --force is given" "$bitbench" plot "$tmp/a" -o "$tmp/p.svg" --force
expect 0 "" "report to a file" "$bitbench" report "$tmp/a" -o "$tmp/r.md"
expect 2 "r.md is there already; --force" "neither does report" "$bitbench" report "$tmp/a" -o "$tmp/r.md"
expect 0 "" "unless --force is given" "$bitbench" report "$tmp/a" -o "$tmp/r.md" --force
expect 2 "no finished cell has a metric nll" "history of a metric that is not there" "$bitbench" history "$tmp/history" --metric nll
finish
