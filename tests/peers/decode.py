"""Reading, decoding and resizing beside what others would use: Pillow + torchvision, torchvision alone, OpenCV.

python3 tests/peers/decode.py BITBENCH FOLDER [--size 224] [--rounds 5] [--repeat 10] [--workers 2]

FOLDER holds image files in one folder for every class (as folder:FOLDER). All contestants do the same images on the same
number of workers, round after round in turn: bitbench as `bench decode` with --preprocess bit-code-pytorch (Pillow's decoder
and antialiased bilinear kernel, exactly), the others in threads that release the interpreter's lock while they work, whose
output is float32 in -1..1 as ours. OpenCV resizes without antialias, which costs less and gives other pixels; it runs as it
is commonly called (imread, cvtColor, resize, scaled). Prints a median, a best and the ratio of bitbench's median to it.

Needs numpy, Pillow, opencv-python-headless, torch and torchvision; nothing of the project needs this file.
"""
import argparse
import concurrent.futures
import os
import statistics
import subprocess
import time

import cv2
import numpy as np
import torch
import torchvision.io
import torchvision.transforms.v2.functional as F
from PIL import Image


def pillow_torchvision(path, size):
    """Image.open, resize, to_tensor, normalize."""
    with Image.open(path) as im:
        im = im.convert("RGB")
    x = F.to_dtype(F.pil_to_tensor(F.resize(im, [size, size])), torch.float32, scale=True)
    return F.normalize(x, [0.5] * 3, [0.5] * 3)


def torchvision_alone(path, size):
    """decode_jpeg and resize on 8-bit tensors."""
    x = torchvision.io.decode_image(path, mode="RGB")
    x = F.to_dtype(F.resize(x, [size, size], antialias=True), torch.float32, scale=True)
    return F.normalize(x, [0.5] * 3, [0.5] * 3)


def opencv(path, size):
    """imread, cvtColor, resize, scaled; no antialias."""
    x = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    x = cv2.resize(x, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return (x - np.float32(127.5)) / np.float32(127.5)


def rate(pool, function, paths, size):
    start = time.perf_counter()
    for _ in pool.map(lambda path: function(path, size), paths):
        pass
    return len(paths) / (time.perf_counter() - start)


def own_rate(args, n):
    out = subprocess.run([args.bitbench, "--threads", str(args.workers), "bench", "decode", "-d", "folder:" + args.folder,
                          "--preprocess", "bit-code-pytorch", "--size", str(args.size), "--images", str(n), "--runs", "1"],
                         check=True, capture_output=True, text=True).stdout
    head, row = [line.split("\t") for line in out.splitlines() if not line.startswith("#")][:2]
    return float(row[head.index("rate")])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bitbench")
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=10, help="passes over the files a round")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    paths = sorted(os.path.join(d, f) for d, _, files in os.walk(args.folder) for f in files) * args.repeat
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    others = {"Pillow + torchvision": pillow_torchvision, "torchvision alone": torchvision_alone, "OpenCV": opencv}
    rates = {name: [] for name in ["bitbench", *others]}
    with concurrent.futures.ThreadPoolExecutor(args.workers) as pool:
        for function in others.values():
            rate(pool, function, paths[:64], args.size)
        for _ in range(args.rounds):
            rates["bitbench"].append(own_rate(args, len(paths)))
            for name, function in others.items():
                rates[name].append(rate(pool, function, paths, args.size))
    ours = statistics.median(rates["bitbench"])
    print("contestant\tworkers\trounds\tmedian\tbest\tunit\tbitbench_over_it")
    for name, r in rates.items():
        print("%s\t%d\t%d\t%.0f\t%.0f\timages/s\t%.2f" % (name, args.workers, args.rounds, statistics.median(r), max(r), ours / statistics.median(r)))


if __name__ == "__main__":
    main()
