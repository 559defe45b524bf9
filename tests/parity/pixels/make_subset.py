"""Cuts the full reference folder down to what the project's own tests carry.

python make_subset.py FULL OUT     numpy; FULL is a folder made by pixels.py, OUT the folder of this script

Kept: encoded files of at most 20,000 bytes and the photograph; rows of the tables that have a counterpart in the
program; resize sources but the largest; arrays only where small (the hashes cover whole outputs).
"""
import io
import os
import shutil
import sys
import zipfile

import numpy as np

DECODERS = {"pil", "pil_exif", "cv", "cv_noexif", "torchvision", "tf_image", "tf_jpeg", "tf_png", "tf_jpeg_accurate", "tf_jpeg_nofancy",
            "tf_jpeg_accurate_nofancy"}
METHODS = {"tf1_bilinear", "tf2_bilinear", "tf2_bicubic", "tf2_area", "pil_bilinear", "pil_bicubic"}      # hashes and some arrays
HASHED = {"pil_nearest", "pil_box", "pil_lanczos", "pil_mks2013", "pil_mks2021", "tv_u8_nearest", "tv_u8_bilinear", "tv_u8_bicubic",
          "tv_u8_bilinear_aa", "tv_u8_bicubic_aa", "cv_nearest", "cv_linear", "cv_linear_exact", "cv_area"}
BOUNDED = {"pil_hamming", "cv_cubic_noipp", "tf2_bilinear_aa", "tf2_bicubic_aa", "tf2_lanczos3", "tf2_lanczos3_aa", "tv_f32_bilinear",
           "tv_f32_bicubic", "tv_f32_bilinear_aa", "tv_f32_bicubic_aa"}                                  # arrays, and their rows
SOURCES = {"photo32", "grey28", "noise64x48", "grad33x17", "photo149x227"}
ARRAY_SOURCES = {"photo32", "grey28", "grad33x17"}
PIPELINES = {"bit_tf_128", "bit_tf_384", "bit_pytorch_128", "bit_pytorch_384", "timm_bit_in21k_ft_in1k", "timm_bit_in21k",
             "timm_bit_distilled", "clip_224", "hf_bit_default", "hf_bit_448", "hf_bit_pil_default", "big_vision_256_224", "vtab_tf1_01",
             "vtab_tf1_pm1", "vtab_tf2_01"}
BOUNDED_SOURCES = {"photo32", "grad33x17"}
CROPS = {"photo32/40-32", "grad33x17/40-32", "photo32/80-64#rows"}
BIGGEST = 20000


def rows(full, out, name, keep):
    with open(os.path.join(full, name)) as f, open(os.path.join(out, name), "w") as g:
        g.write(f.readline())
        g.writelines(line for line in f if keep(line.rstrip("\n").split("\t")))


def arrays(full, out, name, keep):
    kept = {k: v for k, v in np.load(os.path.join(full, name)).items() if keep(k)}
    with zipfile.ZipFile(os.path.join(out, name), "w", zipfile.ZIP_DEFLATED) as z:
        for k in sorted(kept):
            b = io.BytesIO()
            np.lib.format.write_array(b, np.ascontiguousarray(kept[k]), version=(1, 0))
            z.writestr(zipfile.ZipInfo(k + ".npy", (1980, 1, 1, 0, 0, 0)), b.getvalue(), zipfile.ZIP_DEFLATED)
    return set(kept)


def main():
    full, out = sys.argv[1:]
    for d in ("decode/files", "resize/src", "pipelines", "augment"):
        os.makedirs(os.path.join(out, d), exist_ok=True)
    files = set()
    for n in sorted(os.listdir(os.path.join(full, "decode/files"))):
        if n == "jpg_photo.jpg" or os.path.getsize(os.path.join(full, "decode/files", n)) <= BIGGEST:
            files.add(n)
            shutil.copyfile(os.path.join(full, "decode/files", n), os.path.join(out, "decode/files", n))
    for n in SOURCES:
        shutil.copyfile(os.path.join(full, "resize/src", n + ".npy"), os.path.join(out, "resize/src", n + ".npy"))
    rows(full, out, "decode/manifest.tsv", lambda f: f[0] in files)
    bounded = {}
    for m in BOUNDED:
        bounded[m] = arrays(full, out, "resize/%s.npz" % m, lambda k: k.split("/")[0] in BOUNDED_SOURCES and "#" not in k)
    for g in ("pil", "tf"):
        rows(full, out, "decode/sha256.%s.tsv" % g, lambda f: f[0] in files and f[1] in DECODERS)
        arrays(full, out, "decode/arrays.%s.npz" % g, lambda k: "33x17" in k and k.split("/")[1] in DECODERS)
        rows(full, out, "resize/sha256.%s.tsv" % g, lambda f: f[1].split("/")[0] in SOURCES and (
            f[0] in METHODS | HASHED or f[0] in BOUNDED and f[1] in bounded[f[0]]))
        rows(full, out, "pipelines/stats.%s.tsv" % g, lambda f: f[0] in PIPELINES)
    for g in ("tf", "pytorch"):
        kept = arrays(full, out, "augment/bit_crop_%s.npz" % g, lambda k: k in CROPS)
        rows(full, out, "augment/bit_crop_%s.tsv" % g, lambda f: f[0] in kept or f[0] + "#rows" in kept)
    arrays(full, out, "augment/box_resize_tf.npz", lambda k: k in ("box0", "box1"))
    rows(full, out, "augment/box_resize_tf.tsv", lambda f: f[0] in ("box0", "box1"))
    for n in ("inception_boxes_tf.tsv", "inception_stats_tf.tsv", "random_resized_crop.tsv", "mixup.npz"):
        shutil.copyfile(os.path.join(full, "augment", n), os.path.join(out, "augment", n))
    for m in METHODS:
        arrays(full, out, "resize/%s.npz" % m, lambda k: k.split("/")[0] in ARRAY_SOURCES and "#" not in k)


main()
