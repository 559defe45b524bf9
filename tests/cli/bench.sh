#!/bin/sh
# bench: lists of sizes and batches, the header, each run's seconds, refusals.
. tests/cli/lib.sh
small="-m random:R(1,1,1,1)x0.5 --runs 2"
expect 0 '^# [^;]+; (gcc|clang|Debian clang)[^;]* [0-9]+\.[^;]*; isa (avx512|avx2|base); [0-9]+ threads; multiply-add peak [1-9][0-9]* GFLOP/s; copy [1-9][0-9.]* GB/s; OpenBLAS [^;]+; bitbench ' \
    "the header names CPU, compiler, instruction set, threads, peak and copy rate" "$bitbench" bench forward $small --size 32
"$bitbench" bench forward $small --size 32,48 --batch 1,3 >"$tmp/points"
a='R(1,1,1,1)x0.5'
expect 0 '' "lists of sizes and batches are all measured, in order" test \
    "$(cut -f2 "$tmp/points" | sed -n '4,$p' | sed 's/ [a-z-]*$//' | paste -sd' ')" = \
    "$a 32x32 batch 1 $a 32x32 batch 3 $a 48x48 batch 1 $a 48x48 batch 3"
expect 0 '' "the line of columns" test "$(sed -n '3p' "$tmp/points" | tr '\t' ' ')" = \
    "what shape threads runs median_s best_s worst_s rate unit gflop_s of_peak gb_s"
expect 0 '' "every line has a cell for each column, seconds above 0 and a share of the peak" \
    awk -F '\t' 'NR > 3 { n++; if (NF != 12 || !($5 > 0) || $11 !~ /^[0-9.]+$/) exit 1 } END { if (n != 4) exit 1 }' "$tmp/points"
expect 0 '^# losses: 2\.30258509' "a random network is trained with a new head, whose first loss is log 10" \
    "$bitbench" --engine reference bench train $small --size 32 --batch 8 --each
expect 0 '^# seconds: [0-9.]+ [0-9.]+$' "--each prints the seconds of each run" "$bitbench" bench forward $small --size 32 --each
expect 0 "kernels	R\(1,1,1,1\)x0.5 32x32 batch 1 cpu: 7x7/2 3->32 32x32" "kernels lists the layers, with the network's name" \
    "$bitbench" bench kernels $small --size 32 --batch 1
"$bitbench" --engine cpu-direct bench kernels -m 'random:R(1,1,1,1)x0.5,random:R(2,1,1,1)x1' --size 1 --runs 1 --batch 1 >"$tmp/kernels"
expect 0 '' "lines of two networks are told apart" test "$(grep -c '	R(1,1,1,1)x0.5 ' "$tmp/kernels") $(grep -c '	R(2,1,1,1)x1 ' "$tmp/kernels")" = "16 17"
expect 0 '' "at one pixel no direct layer is above the peak, and none takes no time" \
    awk -F '\t' '/^kernels/ { n++; if (!($5 > 0) || $11 !~ /^[0-9.]+$/ || $11 > 1) exit 1 } END { if (!n) exit 1 }' "$tmp/kernels"
expect 2 "'--size': 'x' is not a whole number" "a size that is no number" "$bitbench" bench forward --size 32,x
expect 2 "'--batch': 5000 is not in 1..4096" "a batch too large" "$bitbench" bench forward --batch 8,5000
expect 2 "unknown engine '', there are cpu, cpu-direct, reference" "an empty name of an engine lists them" "$bitbench" --engine '' bench forward
expect 2 "there are cpu, .*; did you mean 'cpu-direct'" "near match of an engine" "$bitbench" --engine cpu-direkt bench forward
for engine in cpu cpu-direct reference; do
    expect 0 "^  $engine +[a-z]" "--help lists engine $engine" "$bitbench" --help
done
expect 0 '^.fBcpu..direct.fR' "the manual lists the engines" grep -A 1 'fBcpu' "$B/bitbench.1"
expect 2 "bench has no 'trian'; did you mean 'train'" "near match of a kind" "$bitbench" bench trian
for part in forward train kernels probe; do
    expect 2 "bench $part: --resize does not apply" "$part refuses an option of decode" "$bitbench" bench $part --resize 99
done
expect 2 "bench decode: --batch does not apply" "decode refuses an option of the others" "$bitbench" bench decode --batch 8
expect 2 "bench probe: --size does not apply" "probe has no size" "$bitbench" bench probe --size 8
expect 2 "bench forward: --mode does not apply" "also where its text is empty" "$bitbench" bench forward --mode ''
expect 2 "bench kernels: engine reference has no layers" "kernels are those of the cpu engine" \
    "$bitbench" --engine reference bench kernels $small --size 32
expect 0 '^probe' "with no part named engine reference leaves kernels out" \
    "$bitbench" --engine reference bench $small --size 32 --batch 1 --images 10
expect 2 "pixels cannot be trained" "pixels do not train" "$bitbench" --engine reference bench train -m pixels
expect 2 "parameters of R50x1: a block of 89.6 MiB is more than the memory limit of 1.0 MiB" \
    "a limit below the parameters" "$bitbench" --max-mem 1M --engine cpu bench forward
expect 2 "beside 4.7 MiB of images and results: random:R50x1: its weights need 98.6 MiB, the memory limit is 95.3 MiB" \
    "a limit below the weights" "$bitbench" --max-mem 100M --engine cpu bench forward
expect 2 "random:R50x1 at 224 x 224 pixels: one image and one thread need .* the memory limit is 105.3 MiB" \
    "a limit below one image" "$bitbench" --max-mem 110M --engine cpu bench forward
expect 2 "images \[400, 224, 224, 3\] take 229.7 MiB, with 89.6 MiB in use more than the memory limit of 300.0 MiB" \
    "a limit below a batch beside the parameters" "$bitbench" --max-mem 300M --engine cpu bench forward --batch 400
expect 2 "cpu: 7x7/2 3->32 32x32 1 images, 1 of them: scratch memory: a block of .* limit of 50.0 KiB" \
    "a limit below a layer" "$bitbench" --max-mem 50K --engine cpu bench kernels $small --size 32 --batch 1
expect 2 "random:R50x1: training at 64 x 64 pixels, 8 images at a time with one thread, needs .* limit of 379.6 MiB" \
    "a limit below eight images in training" "$bitbench" --max-mem 380M --engine cpu bench train --size 64
need=$("$bitbench" models show random:R50x1 | sed -n 's/^memory, forward *\([0-9.]* MiB\) with one thread at 224x224 px, engine cpu$/\1/p')
expect 2 "one image and one thread need ${need:-nothing known} \(" "models show tells what forward needs" \
    "$bitbench" --max-mem 110M --engine cpu bench forward
"$bitbench" models init 'R(1,1,1,1)x0.5' --classes 10 -o "$tmp/tiny.npz"
for engine in cpu reference; do
    need=$("$bitbench" --engine $engine models show "$tmp/tiny.npz" --size 64 | sed -n 's/^memory, training *\([0-9]*\)\.[0-9]* MiB with.*/\1/p')
    expect 0 '^train' "with what models show tells engine $engine trains" \
        "$bitbench" --engine $engine --max-mem $((need + 2))M bench train -m "$tmp/tiny.npz" --size 64 --runs 1
    expect 2 'memory limit' "with less it does not" \
        "$bitbench" --engine $engine --max-mem $((need - 1))M bench train -m "$tmp/tiny.npz" --size 64 --runs 1
done
"$bitbench" --max-mem 100M --engine cpu bench forward >"$tmp/none" 2>/dev/null
expect 0 '' "where nothing is measured nothing is printed" test ! -s "$tmp/none"
expect 0 '; copy not measured \(memory limit\);' "nor under one that only half of it would fit" \
    "$bitbench" --max-mem 200M bench forward $small --size 32
expect 0 '; copy not measured \(memory limit\);' "no copy rate under a limit that its block exceeds" \
    "$bitbench" --max-mem 20M bench forward $small --size 32
finish
