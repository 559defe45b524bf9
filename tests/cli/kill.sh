#!/bin/sh
# kill -9 at 20 moments of a run, chosen by a fixed seed; then run again: it resumes, and the csv report is
# that of an undisturbed run.
. tests/cli/lib.sh

cat >"$tmp/sweep.yaml" <<'END'
name: killed
models: ["random:R(1,1,1,1)x0.5", pixels]
datasets: fashion-mnist
regime: {name: kshot}
adapt: {name: ridge}
preprocess: {preset: bit-paper, crop: 8}
test: "test[:2000]"
sweep:
  regime.k: [1, 2, 5, 10]
  regime.draw: {range: [0, 4]}
select: {adapt.l2: {log2: [-10, 20]}, on: loo}
END
"$bitbench" -q run "$tmp/sweep.yaml" -o "$tmp/whole" >/dev/null
"$bitbench" -q report "$tmp/whole" -f csv >"$tmp/whole.csv"
rm -rf "$tmp/cache"
seed=20 killed=0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    "$bitbench" -q run "$tmp/sweep.yaml" -o "$tmp/killed" >/dev/null 2>"$tmp/err" &
    pid=$!
    sleep "0.$(printf '%03d' $((seed / 65536 % 1000)))"
    if kill -9 $pid 2>/dev/null; then killed=$((killed + 1)); fi
    wait $pid 2>/dev/null
    if grep -q . "$tmp/err"; then fail "run $i had something to say" "$tmp/err"; fi
    # At times start over, so that early moments are met too.
    if [ $((i % 5)) = 0 ]; then rm -rf "$tmp/killed" "$tmp/cache"; fi
done
expect 0 '' "most of the 20 runs were killed while they ran ($killed)" test $killed -ge 10
"$bitbench" -q run "$tmp/sweep.yaml" -o "$tmp/killed" >/dev/null
"$bitbench" -q report "$tmp/killed" -f csv >"$tmp/killed.csv"
same "the csv report is that of an undisturbed run" "$tmp/whole.csv" "$tmp/killed.csv"
expect 0 '^done +40$' "all cells are done" "$bitbench" status "$tmp/killed"
expect 130 'run it again to go on' "an interrupt ends with 130 and says how to go on" sh -c \
    "'$bitbench' run '$tmp/sweep.yaml' --no-cache -o '$tmp/int' >/dev/null & p=\$!; sleep 0.5; kill -INT \$p; wait \$p"
finish
