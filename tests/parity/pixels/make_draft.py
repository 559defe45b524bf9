"""Adds decode/sha256.draft.tsv: Pillow's Image.draft, which decodes with a smaller DCT.

python make_draft.py OUT     Pillow (made with 13.0.0, libjpeg-turbo 3.2.0); OUT is the folder of this script
"""
import hashlib
import io
import os
import sys

from PIL import Image


def main():
    folder = os.path.join(sys.argv[1], "decode")
    with open(os.path.join(folder, "sha256.draft.tsv"), "w") as out:
        out.write("file\tdecoder\tstatus\th\tw\tsha256\n")
        for name in sorted(os.listdir(os.path.join(folder, "files"))):
            if not name.startswith("jpg_"):
                continue
            with open(os.path.join(folder, "files", name), "rb") as f:
                data = f.read()
            for size in (64, 224):
                im = Image.open(io.BytesIO(data))
                im.draft(None, (size, size))
                im = im.convert("RGB")
                out.write("%s\tpil_draft_%d\tok\t%d\t%d\t%s\n" % (name, size, im.height, im.width, hashlib.sha256(im.tobytes()).hexdigest()))


main()
