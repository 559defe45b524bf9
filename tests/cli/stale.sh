#!/bin/sh
# One constant of a resize kernel is changed and the program rebuilt, in a copy of the sources: every cell that
# depends on that kernel is computed again, and nothing else is.
. tests/cli/lib.sh

mkdir -p "$tmp/src/$B"
cp -a Makefile harness models datasets protocols results "$tmp/src/"
for d in harness models datasets protocols results; do cp -a "$B/$d" "$tmp/src/$B/" 2>/dev/null; done
cp -a "$B/flags" "$B/build_info.c" "$tmp/src/$B/"
rebuild() { make -s -C "$tmp/src" B="$B" CC="${CC:-gcc}" SAN="${SAN:-}" WERROR="${WERROR:-}" "$B/bitbench" >"$tmp/make.log" 2>&1; }

cat >"$tmp/sweep.yaml" <<'END'
name: kernels
models: [pixels]
datasets: fashion-mnist
regime: {name: kshot, k: 1}
adapt: {name: ridge}
test: "test[:50]"
sweep:
  regime.draw: {range: [0, 1]}
zip:
  - {preprocess.mode: squash, preprocess.crop: 8, preprocess.kernel: tf2bilinear}
  - {preprocess.mode: squash, preprocess.crop: 8, preprocess.kernel: pilbilinear}
  - {preprocess.mode: squash, preprocess.crop: 8, preprocess.kernel: tf1bilinear}
  - {preprocess.mode: none, preprocess.crop: 0, preprocess.kernel: ""}
END
rebuild || fail "the copy builds" "$tmp/make.log"
changed="$tmp/src/$B/bitbench"
expect 0 '8 cells computed' "eight cells over four ways of resizing" "$bitbench" run "$tmp/sweep.yaml" -o "$tmp/run"
expect 0 '0 cells computed, 8 were there' "a rebuilt copy of the same sources computes nothing" "$changed" run "$tmp/sweep.yaml" -o "$tmp/run"

f="$tmp/src/datasets/resize_tf2.c"
sed -i 's|^/\*|/* A comment more. */\n/*|; s|^#include|\n#include|' "$f"
rebuild || fail "the copy with a comment builds" "$tmp/make.log"
expect 0 '0 cells computed, 8 were there' "a comment and blank lines make nothing stale" "$changed" run "$tmp/sweep.yaml" -o "$tmp/run"

sed -i 's|0\.5f|0.25f|' "$f"
expect 0 '' "the constant was found" grep -q '0\.25f' "$f"
rebuild || fail "the changed copy builds" "$tmp/make.log"
expect 0 '^stale +2$' "status of the changed program: 2 cells are stale" "$changed" status "$tmp/run"
expect 0 '2 cells computed, 6 were there' "only the cells of that kernel are computed again" "$changed" run "$tmp/sweep.yaml" -o "$tmp/run"
expect 0 '' "the old results are kept as .stale" test "$(ls "$tmp"/run/cells/*.stale | wc -l)" = 2
expect 0 '^stale +2$' "and for the unchanged program the new ones are stale" "$bitbench" status "$tmp/run"
expect 0 '0 cells computed, 8 were there' "--keep-old accepts them" "$bitbench" run "$tmp/sweep.yaml" -o "$tmp/run" --keep-old
finish
