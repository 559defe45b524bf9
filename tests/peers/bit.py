"""The network as the contestants get it: weights from a released-style .npz, standardised once, and
the input that `bitbench bench` uses, so that all do the same work on the same numbers."""
import numpy as np

WS_EPS = 1e-10
GN_EPS = 1e-5
GROUPS = 32
GAMMA = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def images(n, size):
    """float32 [n, size, size, 3] in [-1, 1): number i is 2 rng_unit(rng_at(0, 1, i)) - 1."""
    with np.errstate(over="ignore"):
        key = mix(np.uint64(GAMMA))
        key = mix(key + np.uint64((2 * GAMMA) & MASK))
        i = np.arange(1, n * size * size * 3 + 1, dtype=np.uint64)
        word = mix(key + i * np.uint64(GAMMA))
    return (2 * ((word >> np.uint64(11)) * 2.0**-53) - 1).astype(np.float32).reshape(n, size, size, 3)


def labels(n, classes):
    """One-hot [n, classes]: image i is of class i % classes."""
    return np.eye(classes, dtype=np.float32)[np.arange(n) % classes]


class Net:
    """Tensors by their place in the network. Kernels are [out, in, k, k]."""

    def __init__(self, path, standardised):
        self.raw = dict(np.load(path))
        self.standardised = standardised
        self.depth = [0, 0, 0, 0]
        for name in self.raw:
            if name.endswith("a/group_norm/gamma"):
                self.depth[int(name.split("/")[1][5:]) - 1] += 1
        self.classes = self.raw["resnet/head/conv2d/bias"].shape[0]

    def kernel(self, name):
        w = self.raw[f"resnet/{name}standardized_conv2d/kernel"]
        if self.standardised:
            w = w.astype(np.float64)
            mean, var = w.mean((0, 1, 2)), w.var((0, 1, 2))
            w = ((w - mean) / np.sqrt(var + WS_EPS)).astype(np.float32)
        return np.ascontiguousarray(w.transpose(3, 2, 0, 1))

    def norm(self, name):
        return (self.raw[f"resnet/{name}group_norm/gamma"], self.raw[f"resnet/{name}group_norm/beta"])

    def head(self):
        return (np.ascontiguousarray(self.raw["resnet/head/conv2d/kernel"][0, 0].T),
                self.raw["resnet/head/conv2d/bias"])

    def units(self):
        """(name, stride, whether it has a projection) in order."""
        for b in range(4):
            for u in range(self.depth[b]):
                yield f"block{b + 1}/unit{u + 1:02d}/", 2 if b and not u else 1, not u
