#!/bin/sh
# What a user can get wrong, or a disk can do: one clear line that names the thing, the right exit code,
# nothing lost.
. tests/cli/lib.sh

few="$bitbench fewshot --size 8 --shots 1 --draws 1 --test test[:50]"
expect 2 "R\(3,4,6,3\)x0.25" "a width that is no multiple of 0.5" $few -m 'random:R(3,4,6,3)x0.25' -d fashion-mnist -o "$tmp/x"
expect 2 "resnetv2_50x1" "an unknown model names near ones" $few -m resnetv2_50x1_bit.goog_in21 -d fashion-mnist -o "$tmp/x"
expect 2 "https://" "a known model that is not here says where to get it" $few -m bit-m-r50x1 -d fashion-mnist -o "$tmp/x"
expect 2 "did you mean 'fashion-mnist'" "an unknown data set names near ones" $few -m pixels -d fashion-mnits -o "$tmp/x"
expect 2 "cifar-10" "a data set that is not here says how to get it" $few -m pixels -d cifar10 -o "$tmp/x"
expect 2 "$tmp/none" "a missing folder" $few -m pixels -d "folder:$tmp/none" -o "$tmp/x"
expect 2 "$tmp/none.npz" "a missing weights file" $few -m "$tmp/none.npz" -d fashion-mnist -o "$tmp/x"
expect 2 "unknown.*'regime.shots'" "an unknown knob" $few -m pixels -d fashion-mnist --set regime.shots=1 -o "$tmp/x"
expect 2 "bit-paper" "an unknown preset names near ones" $few -m pixels -d fashion-mnist --preprocess bit-papre -o "$tmp/x"
expect 2 "'tset'" "an unknown split" "$bitbench" datasets ids fashion-mnist tset
expect 2 "" "no model" $few -d fashion-mnist
expect 2 "no split|unknown split|splits" "a split that is none, before anything is stored" "$bitbench" fewshot -m pixels -d fashion-mnist --size 8 --test tset -o "$tmp/split"
expect 2 "training draws from" "test images among the training images" "$bitbench" fewshot -m pixels -d fashion-mnist --size 8 --test val -o "$tmp/split"
expect 0 "" "and no cell is stored" sh -c "! ls '$tmp'/split/cells | grep -q ."
expect 0 "cells computed" "unless training leaves them out" "$bitbench" fewshot -m pixels -d fashion-mnist --size 8 --shots 1 --draws 1 --test 'val[:50]' --set regime.split=train -o "$tmp/split"
echo 'models: [pixels' >"$tmp/bad.yaml"
expect 2 "$tmp/bad.yaml:[0-9]+:[0-9]+: " "a run file that is no YAML, with line and column" "$bitbench" run "$tmp/bad.yaml"
printf 'models: pixels\ndatasets: fashion-mnist\nregimes: {name: full}\n' >"$tmp/bad.yaml"
expect 2 "$tmp/bad.yaml:3:1: .*did you mean 'regime" "an unknown key, with line, column and a near match" "$bitbench" run "$tmp/bad.yaml"
expect 2 "$tmp/none.yaml" "a missing run file" "$bitbench" run "$tmp/none.yaml"

# Data files: truncated, of the wrong size, with the wrong magic, with a label out of range.
mkdir "$tmp/data"
for f in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    gzip -dc "/usr/share/datasets/fashion-mnist/$f-ubyte.gz" >"$tmp/data/$f-ubyte" 2>/dev/null || gzip -dc "/usr/share/datasets/$f-ubyte.gz" >"$tmp/data/$f-ubyte"
done
few_data="$bitbench --data $tmp/data fewshot --size 8 --shots 1 --draws 1 --test test[:50] -m pixels -d fashion-mnist"
expect 0 "1 cells computed" "unpacked files in a folder of one's own" $few_data -o "$tmp/own"
damage() { # file, pattern, description, command that damages "$f"
    f="$tmp/data/$1"
    cp "$f" "$tmp/kept"
    eval "$4"
    expect 2 "$2" "$3" $few_data -o "$tmp/damaged"
    cp "$tmp/kept" "$f"
}
damage t10k-images-idx3-ubyte "t10k-images" "a truncated image file" 'head -c 1000000 "$tmp/kept" >"$f"'
damage t10k-images-idx3-ubyte "t10k-images" "an image file with bytes behind its end" 'echo more >>"$f"'
damage t10k-labels-idx1-ubyte "t10k-labels.*not an IDX file" "a wrong magic number" 'printf "\001" | dd of="$f" bs=1 seek=0 conv=notrunc 2>/dev/null'
damage t10k-labels-idx1-ubyte "t10k-labels.*label 12" "a label out of range" 'printf "\014" | dd of="$f" bs=1 seek=108 conv=notrunc 2>/dev/null'
damage train-labels-idx1-ubyte "train-labels" "an empty file" ': >"$f"'

# Weights.
"$bitbench" -q models init 'R(1,1,1,1)x0.5' --classes 10 -o "$tmp/w.npz"
for cut in 0 1 100 5000 1000000; do
    head -c $cut "$tmp/w.npz" >"$tmp/cut.npz"
    expect 2 "$tmp/cut.npz" "a weights file cut to $cut bytes" "$bitbench" models verify "$tmp/cut.npz"
done
expect 0 'PASS' "the whole file is fine" "$bitbench" models verify "$tmp/w.npz"
echo 'not an image' >"$tmp/x.jpg"
expect 2 "$tmp/x.jpg" "an image that is none" "$bitbench" predict -m "$tmp/w.npz" "$tmp/x.jpg"
expect 2 "x_test" "an npz without the arrays of a probe" "$bitbench" probe "$tmp/w.npz"

# Cells: cut short, a flipped byte.
$few -q -m pixels -d fashion-mnist -o "$tmp/run" >/dev/null
cell=$(ls "$tmp"/run/cells/*.h5)
cp "$cell" "$tmp/cell"
head -c 3000 "$tmp/cell" >"$cell"
expect 1 '^damaged +1$' "status counts a cell cut short" "$bitbench" status "$tmp/run"
expect 1 "$cell" "report names a cell cut short" "$bitbench" report "$tmp/run"
expect 0 '1 cells computed' "run computes it again" $few -m pixels -d fashion-mnist -o "$tmp/run"
cp "$tmp/cell" "$cell"
printf 'X' | dd of="$cell" bs=1 seek=5000 conv=notrunc 2>/dev/null
expect 1 "$cell" "report names a cell with a flipped byte" "$bitbench" report "$tmp/run"
expect 2 "is no run directory|no such|not there|does not exist" "report of a folder that is not there" "$bitbench" report "$tmp/nothing"
cp "$tmp/cell" "$cell"
cp -r "$tmp/run" "$tmp/merged"
mv "$tmp/merged/cells/$(basename "$cell")" "$tmp/merged/cells/0123456789abcdef0123456789abcdef.h5"
expect 1 '1 cells here are in no plan.*1 of them damaged' "status speaks of cells that the plan does not name" "$bitbench" status "$tmp/merged"

# A cell that fails before its preprocessing is known; images that cannot be read.
expect 1 'run model=.*w.npz dataset=fashion-mnist .*preset=model.*is not known; name a preset' "a failed cell says what was asked" \
    "$bitbench" eval -m "$tmp/w.npz" -d fashion-mnist --preprocess model -o "$tmp/preset"
expect 1 'test=test\[:50\]: select on val: 1 training image' "a failed cell says once what was asked" \
    "$bitbench" linear -m pixels -d fashion-mnist --size 8 --train-n 1 --test 'test[:50]' -o "$tmp/too-few"
expect 1 ' +select on val: 1 training image: none' "also in a list" "$bitbench" status "$tmp/too-few" --list
expect 1 '^bitbench: .*0 cells computed, 0 were there$' "a failed cell does not count as computed" \
    "$bitbench" run "$tmp/preset/run.yaml" -o "$tmp/preset"
mkdir -p "$tmp/photos/test/cat" "$tmp/photos/train/cat"
cp "$tmp/x.jpg" "$tmp/photos/test/cat"
cp "$tmp/x.jpg" "$tmp/photos/train/cat"
"$bitbench" -q datasets pixels fashion-mnist test 0 -o "$tmp/x.png" >/dev/null
mkdir -p "$tmp/few/test/cat" "$tmp/few/test/dog" "$tmp/few/train/cat" "$tmp/few/train/dog"
for d in test/cat test/dog train/cat train/dog; do cp "$tmp/x.png" "$tmp/few/$d"; done
expect 0 '1 with fewer training images than asked for' "more shots than a class has images: a warning" \
    "$bitbench" fewshot -m pixels -d "folder:$tmp/few" --size 8 -k 5 --draws 1 -o "$tmp/few-run"
expect 1 'cannot be read +train +cat/x.jpg +not an image' "verify names the images that it cannot read" "$bitbench" datasets verify "folder:$tmp/photos"

# Places that cannot be written.
: >"$tmp/file"
expect 2 "$tmp/file" "an output folder below a regular file" $few -m pixels -d fashion-mnist -o "$tmp/file/run"
expect 2 "$tmp/file" "a report below a regular file" "$bitbench" report "$tmp/run" -o "$tmp/file/r.html"
expect 2 "$tmp/full" "a full disk: the cell is not lost half-written" sh -c "ulimit -f 40; exec $few -m pixels -d fashion-mnist --set 'test=test' -o '$tmp/full'"
expect 2 "$tmp/f.h5" "a full disk while features are written" sh -c "ulimit -f 1; exec '$bitbench' --no-cache extract -m pixels -d fashion-mnist --size 8 --split 'test[:500]' -o '$tmp/f.h5'"
expect 0 '' "and no temporary or damaged file is left" sh -c "! ls '$tmp'/full/cells | grep -q ."
expect 0 '1 cells computed' "with space it runs" $few -m pixels -d fashion-mnist --set test=test -o "$tmp/full"

# No gnuplot.
mkdir "$tmp/bin"
expect 2 'apt-get install gnuplot' "no gnuplot: says how to get it" env PATH="$tmp/bin" "$bitbench" plot "$tmp/run" -o "$tmp/p.svg"
expect 0 '' "and leaves data and script" test -s "$tmp/p.dat" -a -s "$tmp/p.gp"
expect 0 'no plot in the report' "a report without gnuplot has its tables" env PATH="$tmp/bin" "$bitbench" report "$tmp/run" -o "$tmp/r.html"
finish
