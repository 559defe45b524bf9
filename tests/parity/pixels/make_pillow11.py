"""Resizes with a Pillow that goes along x first (versions up to 12; made with Pillow 11.3.0, numpy 2.4.6).

python make_pillow11.py FOLDER     writes FOLDER/resize/sha256.pil11.tsv from FOLDER/resize/src; sizes include those
where Pillow 13 goes along y first, so that the two orders are told apart.
"""
import hashlib
import os
import sys

import numpy as np
import PIL
from PIL import Image

CASES = {"photo32": [(128, 128), (48, 31), (20, 32), (1, 1), (32, 32), (9, 40)],
         "grey28": [(128, 128), (31, 48), (14, 14), (7, 30)],
         "noise64x48": [(31, 48), (128, 96), (23, 64), (20, 40), (17, 45)],
         "grad33x17": [(66, 34), (7, 5), (48, 31), (5, 17)],
         "photo149x227": [(64, 64), (224, 224), (128, 128), (40, 200)]}


def main():
    folder = os.path.join(sys.argv[1], "resize")
    assert int(PIL.__version__.split(".")[0]) < 13, PIL.__version__
    with open(os.path.join(folder, "sha256.pil11.tsv"), "w") as f:
        f.write("method\tcase\tdtype\th\tw\tc\tsha256\n")
        for name, sizes in CASES.items():
            a = np.load(os.path.join(folder, "src", name + ".npy"))
            image = Image.fromarray(a if a.shape[2] == 3 else a[..., 0])
            for method, kind in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
                for h, w in sizes:
                    r = np.ascontiguousarray(np.asarray(image.resize((w, h), kind)))
                    f.write("pil11_%s\t%s/%dx%d\tuint8\t%d\t%d\t%d\t%s\n" %
                            (method, name, h, w, h, w, a.shape[2], hashlib.sha256(r.tobytes()).hexdigest()))


main()
