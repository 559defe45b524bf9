#!/bin/sh
# A sweep from run file to report: resume, sharing of work, exactness over threads and batch, staleness by
# what can be changed without a compiler (tests/cli/stale.sh changes code).
. tests/cli/lib.sh

cat >"$tmp/sweep.yaml" <<'END'
name: sweep
models: [pixels, "random:R(1,1,1,1)x0.5:3"]
datasets: fashion-mnist
regime: {name: kshot}
adapt: {name: ridge}
preprocess: {preset: bit-paper, crop: 8}
test: "test[:300]"
sweep:
  regime.k: [1, 5]
  regime.draw: {range: [0, 1]}
select: {adapt.l2: {log2: [-10, 20]}, on: loo}
END
run="$bitbench run $tmp/sweep.yaml -o $tmp/a"
expect 0 '8 cells computed, 0 were there' "a sweep of 8 cells runs" $run
expect 0 'rs:8-8-squash-tf2bilinear\|range:-1..1' "the first line names the preprocessing in force" "$bitbench" run "$tmp/sweep.yaml" -o "$tmp/b"
expect 0 '0 cells computed, 8 were there' "running again computes nothing" $run
expect 0 '^done +8$' "status says 8 are done" "$bitbench" status "$tmp/a"
"$bitbench" -q report "$tmp/a" -f csv >"$tmp/a.csv"
"$bitbench" -q report "$tmp/b" -f csv >"$tmp/b.csv"
same "the same sweep twice gives the same csv" "$tmp/a.csv" "$tmp/b.csv"
expect 0 '' "the csv has a head and 8 rows" test "$(wc -l <"$tmp/a.csv")" = 9

rm "$tmp/a/cells/$(ls "$tmp/a/cells" | head -n 1)"
expect 0 '^missing +1$' "a removed cell is missing" "$bitbench" status "$tmp/a"
expect 0 '1 cells computed, 7 were there' "only the missing cell is computed" $run
"$bitbench" -q report "$tmp/a" -f csv >"$tmp/a2.csv"
same "and the csv is the old one" "$tmp/a.csv" "$tmp/a2.csv"

# Sharing: thirty values of l2 on one draw are one eigendecomposition; features go through once.
expect 0 '310 images through the network.* 1 eigendecompositions' "30 values of l2 on one draw: one eigendecomposition" \
    "$bitbench" -v --no-cache fewshot -m 'random:R(1,1,1,1)x0.5' -d fashion-mnist --size 8 --test 'test[:300]' --shots 1 --draws 1 \
    --l2 0.0001,0.0002,0.0004,0.0008,0.0016,0.003,0.006,0.01,0.02,0.05,0.1,0.2,0.5,1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536 -o "$tmp/l2"
expect 0 ' 0 images through the network, 310 feature rows from the cache' "features come from the cache" sh -c \
    "'$bitbench' -q fewshot -m 'random:R(1,1,1,1)x0.5' -d fashion-mnist --size 8 --test 'test[:300]' --shots 1 --draws 1 -o '$tmp/c1' >/dev/null &&
     '$bitbench' -v fewshot -m 'random:R(1,1,1,1)x0.5' -d fashion-mnist --size 8 --test 'test[:300]' --shots 1 --draws 1 -o '$tmp/c2'"

# Exactness: outcomes and metrics do not depend on threads or batch.
outcomes() { # directory, file
    for f in "$1"/cells/*.h5; do
        h5dump -g /outcomes -g /metrics "$f" | tail -n +2
    done >"$2"
}
for threads in 1 2 3; do
    "$bitbench" -q --threads $threads --no-cache run "$tmp/sweep.yaml" -o "$tmp/t$threads" >/dev/null 2>&1
    outcomes "$tmp/t$threads" "$tmp/t$threads.txt"
done
expect 0 '' "h5dump shows outcomes" grep -q '"rank"' "$tmp/t1.txt"
same "outcomes and metrics are the same bytes with 1 and 2 threads" "$tmp/t1.txt" "$tmp/t2.txt"
same "outcomes and metrics are the same bytes with 1 and 3 threads" "$tmp/t1.txt" "$tmp/t3.txt"
for batch in 1 7 32; do
    "$bitbench" -q --no-cache extract -m 'random:R(2,1,1,1)x0.5' -d fashion-mnist --size 9 --split 'test[:33]' --batch $batch -o "$tmp/f$batch.npy"
done
same "features in batches of 1 and 7 are the same bytes" "$tmp/f1.npy" "$tmp/f7.npy"
same "features in batches of 1 and 32 are the same bytes" "$tmp/f1.npy" "$tmp/f32.npy"
"$bitbench" -q --no-cache extract -m 'random:R(2,1,1,1)x0.5' -d fashion-mnist --size 9 --split 'test[5:6]' -o "$tmp/alone.npy"
tail -c 4096 "$tmp/alone.npy" >"$tmp/alone.bin"
tail -c +129 "$tmp/f32.npy" | tail -c +$((5 * 4096 + 1)) | head -c 4096 >"$tmp/sixth.bin"
same "an image alone has the features it has in a batch of 32" "$tmp/alone.bin" "$tmp/sixth.bin"

# A second sweep in the same directory keeps the run file of the first.
cp "$tmp/b/run.yaml" "$tmp/first.yaml"
sed 's/^name: .*/name: second/; s/regime.k: .*/regime.k: [2]/' "$tmp/sweep.yaml" >"$tmp/second.yaml"
expect 0 '4 cells computed' "a second sweep into the same directory" "$bitbench" run "$tmp/second.yaml" -o "$tmp/b"
same "the first run file is still there" "$tmp/first.yaml" "$tmp/b/run.yaml"
expect 0 '0 cells computed, 4 were there' "the second one is beside it and runs" "$bitbench" run "$tmp/b/run-second.yaml" -o "$tmp/b"
expect 0 '^done +12$' "status takes both" "$bitbench" status "$tmp/b"
expect 0 'bitbench run run-second.yaml' "the page says how to make both again" sh -c "'$bitbench' report '$tmp/b' -f html"

# Labels live outside the id.
expect 0 '0 cells computed' "a label does not make another cell" $run --label commit=abc
expect 2 'expected KEY=VALUE' "a label without =" $run --label commit
"$bitbench" -q run "$tmp/sweep.yaml" -o "$tmp/labelled" --label commit=abc --label 'note=a b' >/dev/null 2>&1
expect 0 '"abc"' "labels are stored" sh -c "h5dump -a /labels/commit '$tmp/labelled/cells/'$(ls "$tmp/labelled/cells" | head -n 1)"

# The linear probe and the shorthands.
expect 0 'logistic' "linear runs" "$bitbench" linear -m pixels -d fashion-mnist --size 8 --train-n 200 --test 'test[:300]' --c 0.01 -o "$tmp/linear"
expect 1 'has no head of its own' "eval of a model without a head says so" "$bitbench" eval -m 'random:R(1,1,1,1)x0.5' -d fashion-mnist -o "$tmp/eval"
"$bitbench" -q models init 'R(1,1,1,1)x0.5' --classes 10 -o "$tmp/tiny.npz"
expect 0 'own-head' "eval of a checkpoint with ten classes" "$bitbench" -v eval -m "$tmp/tiny.npz" -d fashion-mnist --size 8 --test 'test[:300]' -o "$tmp/eval10"
"$bitbench" -q models init 'R(1,1,1,1)x0.5' --classes 20 -o "$tmp/twenty.npz"
expect 1 'give a head map' "eval of a head that does not fit asks for a map" "$bitbench" eval -m "$tmp/twenty.npz" -d fashion-mnist --size 8 -o "$tmp/eval20"
{ echo head_index,class; for i in 0 1 2 3 4 5 6 7 8 9; do echo "$((i + 10)),$i"; done; } >"$tmp/map.csv"
expect 0 'own-head:map-[0-9a-f]{12}' "eval with a head map" "$bitbench" -v eval -m "$tmp/twenty.npz" -d fashion-mnist --size 8 --test 'test[:300]' --head-map "$tmp/map.csv" -o "$tmp/eval-map"

# The plan is there before the first cell is: a sweep that was stopped early knows what it lacks.
(ulimit -f 60; "$bitbench" -q run "$tmp/sweep.yaml" -o "$tmp/stopped" >/dev/null 2>&1)
expect 0 '' "the whole plan is written first" test "$(wc -l <"$tmp/stopped/plan.tsv")" = 8

# Images of several sizes without resizing are an error; of one size they are fine.
"$bitbench" -q datasets pixels fashion-mnist 'test[:2]' 0 -o "$tmp/img0.png" >/dev/null
mkdir -p "$tmp/folder/train/a" "$tmp/folder/train/b" "$tmp/folder/test/a" "$tmp/folder/test/b"
for i in 1 2; do
    for c in a b; do
        cp "$tmp/img0.png" "$tmp/folder/train/$c/$i.png"
        cp "$tmp/img0.png" "$tmp/folder/test/$c/$i.png"
    done
done
expect 0 '1 cells computed' "pixels without resizing on a folder of one size" "$bitbench" fewshot -m pixels -d "folder:$tmp/folder" --mode none --shots 1 --draws 1 -o "$tmp/folder-run"

# plan, json
expect 0 '8 cells' "plan counts" "$bitbench" plan "$tmp/sweep.yaml"
expect 0 '' "plan --cells prints one line a cell" test "$("$bitbench" plan "$tmp/sweep.yaml" --cells | wc -l)" = 8
expect 0 '^ \{"' "status --json" "$bitbench" --json status "$tmp/a"
expect 0 '' "report --json has one object a cell" test "$("$bitbench" --json report "$tmp/a" | grep -c '"run_id": ')" = 8
finish
