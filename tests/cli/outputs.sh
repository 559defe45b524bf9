#!/bin/sh
# Output files that are there already: every command refuses to replace them, before it works, and
# replaces them with --force.
. tests/cli/lib.sh
cp -r tests/fixtures/datasets/list/images "$tmp/images"
mkdir -p "$tmp/set/test/a" "$tmp/set/train/a"
cp "$tmp/images/000003.png" "$tmp/set/test/a/"
cp "$tmp/images/000006.png" "$tmp/set/train/a/"

twice() { # FILE COMMAND...
    file=$1
    shift
    expect 0 '' "$2 $3 writes ${file##*/}" "$@"
    cp "$file" "$tmp/kept"
    expect 2 "${file##*/} is there already; --force" "and does not replace it" "$@"
    expect 0 '' "which is as it was" cmp "$file" "$tmp/kept"
    echo other >"$file"
    expect 0 '' "unless --force is given" "$@" --force
    expect 0 '' "with the same bytes" cmp "$file" "$tmp/kept"
}

twice "$tmp/w.npz" "$bitbench" models init 'R(1,1,1,1)x0.5' --classes 3 -o "$tmp/w.npz"
twice "$tmp/w.safetensors" "$bitbench" models convert "$tmp/w.npz" "$tmp/w.safetensors"
twice "$tmp/x.npy" "$bitbench" preprocess --size 32 -o "$tmp/x.npy" "$tmp/images/000003.png"
twice "$tmp/logits.npy" "$bitbench" predict -m "$tmp/w.npz" --input "$tmp/x.npy" --logits "$tmp/logits.npy"
twice "$tmp/features.npy" "$bitbench" predict -m "$tmp/w.npz" --input "$tmp/x.npy" --features "$tmp/features.npy"
twice "$tmp/test.npy" "$bitbench" extract -m pixels -d "folder:$tmp/set" --size 8 -o "$tmp/test.npy"
twice "$tmp/p.png" "$bitbench" datasets pixels "folder:$tmp/set" test 0 -o "$tmp/p.png"
"$bitbench" extract -m pixels -d "folder:$tmp/set" --size 8 --split train -o "$tmp/train.h5"
"$bitbench" extract -m pixels -d "folder:$tmp/set" --size 8 --split test -o "$tmp/test.h5"
twice "$tmp/predictions.npy" "$bitbench" probe "$tmp/train.h5" "$tmp/test.h5" --classes 2 --predictions "$tmp/predictions.npy"
twice "$tmp/scores.npy" "$bitbench" probe "$tmp/train.h5" "$tmp/test.h5" --classes 2 --scores "$tmp/scores.npy"
finish
