#!/bin/sh
# datasets prepare and fetch: the same ids before and after, going on after a kill, hostile archives,
# what a person has to do, a server that gives other files. TAP.
. tests/cli/lib.sh
fixtures=tests/fixtures/datasets
data=$tmp/data
mkdir "$data"
cp -rL $fixtures/images/raw/. $fixtures/arrays/raw/. "$data"
bb() { "$bitbench" --partial --data "$data" "$@"; }
print() { bb datasets show "$1" 2>&1 | grep Fingerprint; }

# ---- prepare: the same data set, from the unpacked form ----
for name in flowers102 pets dtd sun397 svhn patch-camelyon dmlab smallnorb-azimuth; do
    print $name >"$tmp/before"
    expect 0 '' "prepare $name" bb datasets prepare $name
    print $name >"$tmp/after"
    same "$name: the same fingerprint" "$tmp/before" "$tmp/after"
    test -s "$tmp/after" || fail "$name: no fingerprint"
done
rm -f "$data"/*/*.gz "$data"/*/*.tgz "$data"/svhn_cropped/??*_32x32.mat
rm -f "$data"/svhn_cropped/train_32x32.mat "$data"/svhn_cropped/test_32x32.mat
for name in flowers102 pets dtd sun397 svhn patch-camelyon dmlab smallnorb-azimuth; do
    expect 0 Fingerprint "$name without the archive" bb datasets show $name
done
# Caltech101's zip of a tar
cp -L $fixtures/images/raw/caltech101/caltech-101.zip "$data/caltech101/"
rm -f "$data"/caltech101/*.gz
print caltech101 >"$tmp/before"
expect 0 101_ObjectCategories 'prepare caltech101' bb datasets prepare caltech101
rm "$data/caltech101/caltech-101.zip"
print caltech101 >"$tmp/after"
same 'caltech101: the same fingerprint' "$tmp/before" "$tmp/after"
if ls "$data"/*/*.partial >"$tmp/seen" 2>&1; then fail 'nothing partial is left' "$tmp/seen"; else pass 'nothing partial is left'; fi
# into another folder, with what it needs beside
flowers=$tmp/flowers
mkdir -p "$flowers/102"
cp -L $fixtures/images/raw/oxford_flowers102/* "$flowers/102"
mv "$flowers/102" "$flowers/flowers102"
expect 0 jpg 'prepare --to' "$bitbench" --data "$flowers" datasets prepare flowers102 --to "$tmp/to"
expect 0 Fingerprint 'which is a data folder' "$bitbench" --partial --data "$tmp/to" datasets show flowers102
expect 0 ' -> ' 'prepare --dry-run' "$bitbench" --data "$flowers" datasets prepare flowers102 --dry-run
expect 0 'nothing to prepare' 'prepare what needs none' "$bitbench" datasets prepare eurosat
expect 2 'no packed file' 'prepare what is not here' "$bitbench" --data "$tmp/to" datasets prepare sun397
expect 2 'unknown data set' 'prepare an unknown set' "$bitbench" datasets prepare flower

# ---- hostile and damaged archives ----
python3 - "$tmp" <<'PY'
import gzip, io, os, struct, sys, tarfile, zlib
tmp = sys.argv[1]

def tgz(name, members, cut=None):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w:gz") as t:
        for path, kind, what in members:
            m = tarfile.TarInfo(path)
            if kind == "file":
                m.size = len(what)
                t.addfile(m, io.BytesIO(what))
            else:
                m.type = {"sym": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE}[kind]
                m.linkname = what
                t.addfile(m)
    d = f"{tmp}/{name}"
    os.makedirs(d)
    data = b.getvalue()
    open(f"{d}/dtd-r1.0.1.tar.gz", "wb").write(data[:cut] if cut else data)

ok = ("dtd/a.jpg", "file", b"x" * 100)
tgz("dots", [ok, ("dtd/../../escaped", "file", b"x")])
tgz("absolute", [ok, ("/tmp/bitbench-escaped", "file", b"x")])
tgz("backslash", [ok, ("dtd\\..\\..\\escaped", "file", b"x")])
tgz("links", [("dtd/out", "sym", tmp), ("dtd/out/escaped", "file", b"x"), ("dtd/h", "hard", "/etc/passwd"), ("dtd/p", "fifo", ""), ok])
tgz("twice", [ok, ok])
tgz("other", [("else/a.jpg", "file", b"x")])
tgz("cut", [("dtd/%d" % i, "file", os.urandom(5000)) for i in range(50)], cut=100000)
tgz("bomb", [("dtd/b", "file", bytes(120 << 20))])
d = bytearray(gzip.compress(b"no tar at all" * 100)); os.makedirs(f"{tmp}/notar"); open(f"{tmp}/notar/dtd-r1.0.1.tar.gz", "wb").write(d)
os.makedirs(f"{tmp}/crc"); b = bytearray(open(f"{tmp}/twice/dtd-r1.0.1.tar.gz", "rb").read()); b[-6] ^= 1; open(f"{tmp}/crc/dtd-r1.0.1.tar.gz", "wb").write(b)

# A rar of version 4, members stored as they are.
def block(kind, flags, body, data=b""):
    head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(head) & 0xffff) + head + data
def rar(path, members, damage=False):
    out = b"Rar!\x1a\x07\x00" + block(0x73, 0, bytes(6))
    for name, data in members:
        body = struct.pack("<IIBIIBBHI", len(data), len(data), 3, zlib.crc32(data), 0x21000000, 29, 0x30, len(name), 0o100644) + name.encode()
        out += block(0x74, 0x8000, body, data)
    out += block(0x7b, 0x4000, b"")
    open(path, "wb").write(out[:len(out) - 12] if damage else out)
os.makedirs(f"{tmp}/rar"); os.makedirs(f"{tmp}/badrar"); os.makedirs(f"{tmp}/evilrar")
jpg = b"\xff\xd8\xff\xd9"
files = [(f"NWPU-RESISC45/airplane/airplane_{i:03d}.jpg", jpg * (i + 1)) for i in range(5)]
rar(f"{tmp}/rar/NWPU-RESISC45.rar", files)
rar(f"{tmp}/badrar/NWPU-RESISC45.rar", files, True)
rar(f"{tmp}/evilrar/NWPU-RESISC45.rar", files + [("NWPU-RESISC45/../../escaped", b"x")])
PY
hostile() { # folder, exit status, words
    expect "$2" "$3" "dtd: $1" "$bitbench" --data "$tmp/$1" datasets prepare dtd
    [ "$2" = 0 ] || [ ! -e "$tmp/$1/dtd" ] || fail "dtd: $1: a folder is left under the final name"
}
hostile dots 2 'leaves the folder'
hostile absolute 2 'absolute'
hostile backslash 2 'unusable name'
hostile twice 2 'twice'
hostile other 2 'nothing in it is dtd/'
hostile cut 2 'truncated'
hostile bomb 2 'unpacks to more than'
hostile notar 2 'dtd-r1.0.1.tar.gz: '
hostile crc 2 'CRC'
hostile links 0 'dtd/out is no regular file; it is left out'
if [ -f "$tmp/links/dtd/out/escaped" ] && [ ! -L "$tmp/links/dtd/out" ] && [ ! -e "$tmp/links/dtd/p" ]; then
    pass 'behind a link that was left out is a folder'
else
    fail 'behind a link that was left out is a folder'
fi
for f in "$tmp/escaped" "$tmp/../escaped" /tmp/bitbench-escaped; do
    if [ -e "$f" ]; then fail "$f was written"; else pass "no $(basename "$f")"; fi
done
expect 2 'cannot be read in place.*prepare resisc45' 'a rar says what to do' "$bitbench" --partial --data "$tmp/rar" datasets show resisc45
expect 0 NWPU-RESISC45 'prepare a rar' "$bitbench" --data "$tmp/rar" datasets prepare resisc45
expect 0 'airplane_airplane_003.jpg' 'ids of it' "$bitbench" --partial --data "$tmp/rar" datasets ids resisc45 trainval
expect 2 'NWPU-RESISC45.rar: ' 'a rar that is cut' "$bitbench" --data "$tmp/badrar" datasets prepare resisc45
expect 2 'leaves the folder' 'a rar that leaves its folder' "$bitbench" --data "$tmp/evilrar" datasets prepare resisc45

# ---- killed, at the same time, no room ----
big=$tmp/big
python3 - "$tmp/big" <<'PY'
import io, os, sys, tarfile
os.makedirs(sys.argv[1])
with tarfile.open(sys.argv[1] + "/SUN397.tar.gz", "w:gz", compresslevel=1) as t:
    block = os.urandom(1 << 20)
    for i in range(60):
        m = tarfile.TarInfo(f"SUN397/a/abbey/{i}.jpg")
        m.size = len(block)
        t.addfile(m, io.BytesIO(block))
PY
"$bitbench" --data "$big" datasets prepare sun397 >/dev/null 2>&1 &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    [ -e "$big/SUN397.partial/SUN397/a/abbey/3.jpg" ] && break
    sleep 0.05
done
kill -STOP $pid 2>/dev/null
if [ -e "$big/SUN397.partial" ]; then
    expect 2 'another process' 'a second process at the same time' "$bitbench" --data "$big" datasets prepare sun397
fi
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
if [ -e "$big/SUN397" ]; then fail 'killed: not taken for finished'; else pass 'killed: not taken for finished'; fi
expect 0 SUN397 'prepare goes on' "$bitbench" --data "$big" datasets prepare sun397
if [ "$(ls "$big/SUN397/a/abbey" | wc -l)" = 60 ] && [ ! -e "$big/SUN397.partial" ]; then pass 'and is whole'; else fail 'and is whole'; fi

# ---- fetch ----
expect 2 'into which folder' 'fetch without a folder' "$bitbench" datasets fetch cifar10
expect 0 'cifar-10-binary.tar.gz +170052171 +no' 'fetch --dry-run' "$bitbench" --data "$tmp/to" datasets fetch cifar10 --dry-run
expect 0 '"bytes": 170052171' 'as JSON' "$bitbench" --json --data "$tmp/to" datasets fetch cifar10 --dry-run
expect 1 'account at image-net.org' 'fetch what needs an account' "$bitbench" --data "$tmp/to" datasets fetch ilsvrc2012
expect 1 'gcheng-nwpu' 'fetch what no program may' "$bitbench" --data "$tmp/to" datasets fetch resisc45
expect 2 'need no fetching' 'fetch folder:' "$bitbench" --data "$tmp/to" datasets fetch "folder:$tmp"
mkdir "$tmp/serve"
head -c 502 /dev/zero >"$tmp/serve/imagelabels.mat"
cp $fixtures/images/raw/oxford_flowers102/setid.mat "$tmp/serve"
"$B/tests/http_server" "$tmp/port" "$tmp/serve" &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -s "$tmp/port" ] || sleep 0.1; done
url=http://127.0.0.1:$(cat "$tmp/port")
get() { "$bitbench" --data "$tmp/to" datasets fetch flowers102 --to "$tmp/got" --tries 2 --stall 1 --mirror "$@"; }
expect 2 '102flowers.tgz: the server answers 404' 'a mirror without the file' get "$url/ok"
: >"$tmp/serve/102flowers.tgz"
expect 2 'given up after|offers 0 bytes' 'a mirror with an empty file' get "$url/ok"
expect 2 'Number of redirects|redirects' 'a mirror that redirects for ever' get "$url/loop/"
kill $server
expect 2 'onnect' 'a mirror that is not there' get "$url/ok"
expect 2 '(U|u)nsupported|not supported' 'a mirror that is no http' get "file://$tmp/serve"
if ls "$tmp/got/flowers102" 2>/dev/null | grep -q .; then fail 'nothing was fetched'; else pass 'nothing was fetched'; fi
finish
