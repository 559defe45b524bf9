#!/bin/sh
# datasets: what is here and how to get the rest; verify's findings, verdicts and exit codes; archives
# and lists of one's own; hostile ones.
. tests/cli/lib.sh
fixtures=$root/tests/fixtures/datasets
export TMPDIR="$tmp"

# A new user's folder with some official archives in it.
mkdir "$tmp/data" "$tmp/none"
cp "$fixtures"/raw/cifar-10-binary.tar.gz "$fixtures"/idx/*.gz "$tmp/data"
rm "$tmp/data/t10k-labels-idx1-ubyte.gz"
echo '<html>moved</html>' >"$tmp/data/cifar-100-binary.tar.gz"
"$bitbench" --data "$tmp/data" datasets >"$tmp/list" 2>&1
expect 0 '^cifar10: .*cifar-10-binary.tar.gz: [0-9]+ of 50000 images in train' "what is here only in part is counted" cat "$tmp/list"
expect 0 '^fashion-mnist: t10k-labels.*missing.*; .*dataset-fashion-mnist' "a missing file is named, with where to get it" cat "$tmp/list"
expect 0 '^cifar100: .*cifar-100-binary.tar.gz' "a wrong file under the right name is named" cat "$tmp/list"
expect 0 '^svhn: no .*ufldl.stanford.edu' "what is not here: how to get it" cat "$tmp/list"
expect 0 '' "as JSON in one array" sh -c "'$bitbench' --json --data '$tmp/data' datasets | grep -q '\"here\": \"partly\"'"
expect 0 "^cifar10 .* no " "an empty folder" "$bitbench" --data "$tmp/none" datasets

# verify: official data, a part of it, one's own with every oddity, nothing.
expect 1 'FAIL: [0-9]+ images, 50000 expected' "verify a part: FAIL, exit 1" "$bitbench" --data "$tmp/data" datasets verify cifar10
expect 2 'no .*train_32x32.mat' "verify what is not here: exit 2" "$bitbench" --data "$tmp/none" datasets verify svhn
expect 2 "unknown decoder 'opencv'" "a decoder that there is not" "$bitbench" datasets verify fashion-mnist --decode opencv
expect 2 "" "--most wants a number" "$bitbench" datasets verify fashion-mnist --most 0
mkdir "$tmp/own"
tar -xzf "$fixtures/survey/survey.tar.gz" -C "$tmp/own"
"$bitbench" datasets verify "folder:$tmp/own" >"$tmp/odd" 2>&1
expect 1 '^cannot be read +4$' "verify counts broken images and exits 1" sh -c "cat '$tmp/odd'; exit 1"
for line in 'cannot be read +test +dog/empty.jpg +the image file is empty' \
    'cannot be read +test +dog/huge.png +PNG: claims 60000 x 60000' \
    'cannot be read +test +dog/cut.jpg' 'cannot be read +test +dog/text.png +not an image' \
    'named as another format +(train|val) +dog/png.jpg +PNG' 'CMYK JPEG +(train|val) +dog/cmyk.jpg' \
    'YCCK JPEG +(train|val) +dog/ycck.jpg' 'turned by EXIF +(train|val) +dog/turned.jpg +JPEG, EXIF orientation 6' \
    '^equal to another +2$' 'nearly equal .*cat/small.jpg' '10 of 11 images are below 96 x 96.*160, crop 128' \
    'area 2500 / 4000 / 12000' '^FAIL$'; do
    expect 0 "$line" "verify says: $line" cat "$tmp/odd"
done
rm "$tmp"/own/test/dog/empty.jpg "$tmp"/own/test/dog/cut.jpg "$tmp"/own/test/dog/text.png "$tmp"/own/test/dog/huge.png
expect 0 '^PASS$' "without the broken ones it passes" "$bitbench" datasets verify "folder:$tmp/own"
for threads in 1 3; do "$bitbench" --threads $threads datasets verify "folder:$tmp/own" >"$tmp/threads$threads"; done
same "the report does not depend on the threads" "$tmp/threads1" "$tmp/threads3"
expect 0 '"verdict": "PASS"' "verify as JSON" "$bitbench" --json datasets verify "folder:$tmp/own"
if [ -e /usr/share/datasets/fashion-mnist ]; then
    expect 0 '^trainval +60000 +60000 +10 .*PASS$' "all of Fashion-MNIST passes" "$bitbench" datasets verify fashion-mnist --most 1
fi

# The same pictures from an archive are the same data set.
"$bitbench" datasets ids "folder:$tmp/own" trainval >"$tmp/ids1"
tar -cf "$tmp/own.tar" -C "$tmp/own" train test
"$bitbench" datasets ids "tar:$tmp/own.tar" trainval >"$tmp/ids2"
same "tar: and folder: give the same ids" "$tmp/ids1" "$tmp/ids2"
(cd "$tmp/own" && zip -qr "$tmp/own.zip" train test)
"$bitbench" datasets ids "folder:$tmp/own.zip" trainval >"$tmp/ids3"
same "so does a zip" "$tmp/ids1" "$tmp/ids3"

# Hostile archives: no crash, nothing outside, memory bounded.
tar -xzf "$fixtures/own.tar.gz" -C "$tmp/none"
tar -xzf "$fixtures/images/bad.tar.gz" -C "$tmp/none"
limited() { (ulimit -v 2000000 && "$@"); }
case ${SAN:-} in *address*) limited() { "$@"; } ;; esac
expect 2 'traversal.tar: ../../escape.png leaves the folder' "a path that leaves the archive" limited "$bitbench" datasets verify "tar:$tmp/none/bad/tar/traversal.tar"
expect 2 'absolute name' "an absolute name" limited "$bitbench" datasets verify "tar:$tmp/none/bad/tar/absolute.tar"
expect 2 'base256_size.tar: offset 0' "a size above 2^64, with the offset" limited "$bitbench" datasets verify "tar:$tmp/none/bad/tar/base256_size.tar"
expect 2 'Forest_999.jpg' "a zip bomb" limited "$bitbench" --partial --data "$tmp/none/bad/zip_bomb" datasets verify eurosat
expect 1 'cannot be read .*a/0.png +the image file is empty' "an image of 0 bytes in a tar" limited "$bitbench" datasets verify "tar:$tmp/none/bad/tar/zero_byte_image.tar"
expect 2 'a.cls at offset 2560: label .seven.' "a label that is no number, with the offset" limited "$bitbench" datasets verify "tar:$tmp/none/bad/wds/text_label.tar"
expect 1 '' "and nothing was written outside" test -e "$tmp/escape.png" -o -e /tmp/bitbench_escape.png

# One defect a file: what it is used as, what the message must say.
mkdir "$tmp/more"
tar -xzf "$fixtures/more_bad.tar.gz" -C "$tmp/more"
for d in no_label short_line unknown_type; do
    mkdir "$tmp/more/kitti_$d"
    cp "$tmp"/more/kitti/data_object_image_2.zip "$tmp"/more/kitti/devkit_object.zip "$tmp/more/kitti_$d"
    cp "$tmp/more/kitti/$d.zip" "$tmp/more/kitti_$d/data_object_label_2.zip"
done
while IFS='|' read -r folder set pattern; do
    expect 2 "$pattern" "$folder" "$bitbench" --partial --data "$tmp/more/$folder" datasets verify "$set"
done <<'ROWS'
svhn_label_11|svhn|train_32x32.mat: .*item 3: label 11 not in 1..10
svhn_counts|svhn|train_32x32.mat: 4 images, 3 labels
svhn_shape|svhn|train_32x32.mat: .*shape of X
mat_negative_dim|svhn|train_32x32.mat: .*dimensions
dmlab_cut|dmlab|dmlab-test.tfrecord-00000-of-00001: .*truncated
kitti_no_label|kitti-distance|000007.txt missing
kitti_short_line|kitti-distance|000007.txt: line 1: 14 fields
kitti_unknown_type|kitti-distance|000007.txt: line 1: .*Bus
ROWS
while IFS='|' read -r image status pattern; do
    expect "$status" "$pattern" "$image" limited "$bitbench" preprocess "$tmp/more/image/$image" -o "$tmp/x.npy" --force
done <<'ROWS'
empty.jpg|2|empty.jpg: .*empty
cut.jpg|2|cut.jpg: JPEG: the file ends early
header_only.jpg|2|header_only.jpg: JPEG: the file ends early
no_sof.jpg|2|no_sof.jpg: 
huge_60000.jpg|2|huge_60000.jpg: JPEG: claims 60000 x 60000
zero_height.jpg|2|zero_height.jpg: 
huge_60000.png|2|huge_60000.png: PNG: claims 60000 x 60000
huge_2g.png|2|huge_2g.png: PNG: the size that it claims is too large
zero_width.png|2|zero_width.png: 
crc.png|2|crc.png: PNG: damaged pixels
cut.png|2|cut.png: PNG: truncated
bomb.png|0|
no_palette.png|2|no_palette.png: PNG: missing PLTE
text.jpg|2|text.jpg: not an image
cut.gif|2|cut.gif: GIF: truncated
huge.gif|2|huge.gif: GIF: claims 65535x65535
ROWS
head -c 3000000 /dev/zero | gzip >"$tmp/zeros.tar.gz"
expect 2 'zeros.tar.gz' "zeros, packed, as an archive" limited "$bitbench" datasets verify "tar:$tmp/zeros.tar.gz"
finish
