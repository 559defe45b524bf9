"""The same forward pass or training step in bitbench and in the libraries that one would otherwise
take: side by side on one machine, round by round, as TSV. See README.md."""
import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = {"forward": ["torch", "torch-channels_last", "torch-compiled", "onnxruntime", "openvino-latency",
                     "openvino-throughput"],
         "train": ["torch", "torch-channels_last", "torch-compiled"]}


class Peer:
    """A worker.py that sleeps, stopped, while others run."""

    def __init__(self, name, job, out):
        self.name, self.out, self.seconds = name, out, []
        words = [sys.executable, os.path.join(HERE, "worker.py"), name, "--weights", job.weights,
                 "--out", out, "--size", str(job.size), "--batch", str(job.batch), "--threads",
                 str(job.threads)] + (["--train"] if job.kind == "train" else [])
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.expect("ready")
        self.process.send_signal(signal.SIGSTOP)

    def expect(self, word):
        for line in self.process.stdout:
            if line.startswith(word):
                return line
        raise SystemExit(f"{self.name} ended early")

    def run(self, n):
        self.process.send_signal(signal.SIGCONT)
        print(n, file=self.process.stdin, flush=True)
        self.seconds += [float(s) for s in self.process.stdout.readline().split()]
        self.process.send_signal(signal.SIGSTOP)

    def result(self):
        return np.load(self.out)

    def end(self):
        """Peak memory in MiB."""
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        kib = int(self.process.stdout.readline())
        self.process.wait()
        return kib / 1024


class Bitbench:
    """A process a round, which warms up by itself. Its instruction set and engine are part of the
    name."""

    def __init__(self, name, job, folder):
        self.name, self.job, self.seconds, self.peak = name, job, [], 0
        options = name.split(":")[1:]
        self.program = [job.bitbench, "-q", "--threads", str(job.threads)]
        self.program += ["--engine", options[0]] if options else []
        self.program += ["--isa", options[1]] if len(options) > 1 else []
        self.folder, self.losses = folder, []

    def call(self, words):
        process = subprocess.Popen(self.program + words, stdout=subprocess.PIPE, text=True)
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{' '.join(words)} failed")
        return text, usage.ru_maxrss / 1024

    def run(self, n):
        job = self.job
        text, peak = self.call(["bench", job.kind, "-m", job.weights, "--size", str(job.size), "--batch",
                                str(job.batch), "--runs", str(n), "--each"])
        self.seconds += [float(s) for s in re.search(r"^# seconds: (.*)", text, re.M)[1].split()]
        self.peak = max(self.peak, peak)
        if job.kind == "train":
            self.losses = [float(s) for s in re.search(r"^# losses: (.*)", text, re.M)[1].split()]

    def result(self):
        if self.job.kind == "train":
            return np.array(self.losses)
        out = os.path.join(self.folder, "bitbench.npy")
        self.call(["predict", "-m", self.job.weights, "--input", os.path.join(self.folder, "x.npy"),
                   "--batch", str(self.job.batch), "--logits", out, "--force"])
        return np.load(out)

    def end(self):
        return self.peak


def make_weights(job, folder):
    """Random weights as the program makes them, with a head that is not zero; the input."""
    job.weights = os.path.join(folder, "w.npz")
    subprocess.run([job.bitbench, "-q", "models", "init", job.arch, "--classes", "10", "-o", job.weights],
                   check=True)
    head = ("import numpy as np, sys; sys.path.insert(0, sys.argv[1]); import bit\n"
            "z = dict(np.load(sys.argv[2])); k = 'resnet/head/conv2d/kernel'\n"
            "z[k] = np.random.default_rng(0).normal(0, 0.01, z[k].shape).astype(np.float32)\n"
            "np.savez(sys.argv[2], **z)\n"
            "np.save(sys.argv[3], bit.images(int(sys.argv[4]), int(sys.argv[5])))\n")
    subprocess.run([sys.executable, "-c", head, HERE, job.weights, os.path.join(folder, "x.npy"),
                    str(job.batch), str(job.size)], check=True)


def show(job, contestants, out):
    """Images/s; the ratio is to the best of the others; the error is the largest difference from the
    median of all, as a share of the largest value."""
    rates = {c.name: [job.batch / s for s in c.seconds] for c in contestants}
    best = max(statistics.median(r) for name, r in rates.items() if not name.startswith("bitbench"))
    n = min(len(c.result().ravel()) for c in contestants)
    results = {c.name: c.result().ravel()[:n].astype(np.float64) for c in contestants}
    middle = np.median(np.stack(list(results.values())), axis=0)
    for c in contestants:
        rate = rates[c.name]
        error = np.abs(results[c.name] - middle).max() / np.abs(middle).max()
        median = statistics.median(rate)
        print(f"{job.kind} {job.arch} {job.size}px batch {job.batch}", c.name, len(rate), f"{median:.2f}",
              f"{min(rate):.2f}", f"{max(rate):.2f}", f"{median / best:.2f}", f"{c.end():.0f}",
              f"{error:.1e}", sep="\t", file=out, flush=True)
    worst = max(np.abs(r - middle).max() for r in results.values()) / np.abs(middle).max()
    if worst > job.tolerance:
        raise SystemExit(f"the contestants differ by {worst:.1e}")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("kind", choices=PEERS)
    p.add_argument("--arch", default="R50x1")
    p.add_argument("--size", type=int, default=224)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--each", type=int, default=2, help="counted runs a round, after one uncounted")
    p.add_argument("--bitbench", default="build/bitbench")
    p.add_argument("--own", default="bitbench:cpu", help="bitbench[:ENGINE[:ISA]], comma separated")
    p.add_argument("--peers", help="comma separated; all of the kind")
    p.add_argument("--tolerance", type=float, default=1e-3)
    p.add_argument("--wait", action="store_true", help="build all, then wait for a line on stdin")
    job = p.parse_args()
    peers = job.peers.split(",") if job.peers else PEERS[job.kind]
    with tempfile.TemporaryDirectory() as folder:
        make_weights(job, folder)
        all_of_them = [Bitbench(name, job, folder) for name in job.own.split(",")]
        for name in peers:
            all_of_them.append(Peer(name, job, os.path.join(folder, name + ".npy")))
        if job.wait:
            print("ready", file=sys.stderr, flush=True)
            sys.stdin.readline()
        for _ in range(job.rounds):
            for c in all_of_them:
                c.run(job.each)
        print("workload", "contestant", "runs", "median", "min", "max", "to_best_peer", "peak_mib", "error",
              sep="\t")
        show(job, all_of_them, sys.stdout)


main()
