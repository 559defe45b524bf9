#!/bin/sh
# Directories that TFDS prepared, from the command line.
. tests/cli/lib.sh
tar xzf tests/fixtures/datasets/prepared.tar.gz -C "$tmp"
made=$tmp/prepared

run_pixels() { # data folder, folder of results
    "$bitbench" --partial --data "$1" linear -m pixels -d sun397 --size 16 -o "$2"
}
signature() {
    head -c 512 "$1"/cells/* | tr -d '\0'
}

expect 0 '^0	train/0007	1$' "ids of tfds:PATH" "$bitbench" datasets ids "tfds:$made/toy_shards" 'trainval[:3]'
expect 0 '7 classes' "show names the classes' number" "$bitbench" datasets show "tfds:$made/toy_shards"
expect 2 'needs a path: tfds:PATH' "tfds without a path" "$bitbench" datasets show tfds
expect 2 'prepared versions, name one' "a folder of many" "$bitbench" datasets show "tfds:$made"
expect 2 'official number' "a row refuses few images" "$bitbench" --data "$made" datasets show dtd
expect 0 'prepared by TFDS' "show says that it was prepared" "$bitbench" --partial --data "$made" datasets show retinopathy
expect 0 'caltech101 .* partly \(tfds\)' "so does the list" "$bitbench" --data "$made" datasets
expect 0 '' "SUN397, prepared" run_pixels "$made" "$tmp/prepared.run"
expect 0 '' "SUN397, its archive" run_pixels tests/fixtures/datasets/images/raw/sun397 "$tmp/raw.run"
signature "$tmp/raw.run" >"$tmp/raw.signature"
signature "$tmp/prepared.run" >"$tmp/prepared.signature"
expect 0 '' "raw-pixels in the signature" grep -q '|raw-pixels|' "$tmp/raw.signature"
expect 1 '' "and not of what TFDS encoded" grep -q 'raw-pixels' "$tmp/prepared.signature"
expect 2 'raw-pixels' "the two are not compared" "$bitbench" compare "$tmp/raw.run" "$tmp/prepared.run"
finish
