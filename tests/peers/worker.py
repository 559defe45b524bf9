"""One contestant in a process of its own: builds, runs once, writes what came out, says "ready", then
for every line N on stdin runs once uncounted and N times, printing the seconds of each. At the end of
stdin it prints its peak memory."""
import argparse
import re
import sys
import time

import numpy as np

CONTESTANTS = {
    "torch": ("torch", {"layout": "nchw", "compiled": False}),
    "torch-channels_last": ("torch", {"layout": "nhwc", "compiled": False}),
    "torch-compiled": ("torch", {"layout": "nhwc", "compiled": True}),
    "onnxruntime": ("onnxruntime", {}),
    "openvino-latency": ("openvino", {"hint": "LATENCY"}),
    "openvino-throughput": ("openvino", {"hint": "THROUGHPUT"}),
}
CHECKED_STEPS = 4


def prepare(job):
    family, options = CONTESTANTS[job.contestant]
    if family == "torch":
        import peer_torch
        return peer_torch.prepare(job, **options)
    import peer_onnx
    return getattr(peer_onnx, f"prepare_{family}")(job, **options)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("contestant", choices=CONTESTANTS)
    p.add_argument("--weights", required=True)
    p.add_argument("--out", required=True)
    for name in ("size", "batch", "threads"):
        p.add_argument(f"--{name}", type=int, required=True)
    p.add_argument("--train", action="store_true")
    p.add_argument("--lr", type=float, default=0.003)
    job = p.parse_args()
    run = prepare(job)
    np.save(job.out, np.array([run() for _ in range(CHECKED_STEPS)]) if job.train else run())
    print("ready", flush=True)
    for line in sys.stdin:
        run()
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        print(*seconds, flush=True)
    with open("/proc/self/status") as f:
        print(re.search(r"VmHWM:\s+(\d+)", f.read())[1], flush=True)


main()
