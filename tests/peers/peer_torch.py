"""BiT in torch: forward with weights standardised beforehand, or a training step (cross-entropy, SGD
with momentum 0.9) that standardises them each step as timm does."""
import numpy as np
import torch
import torch.nn.functional as F

import bit


class Conv(torch.nn.Module):
    def __init__(self, w, stride, standardise):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.from_numpy(w))
        self.stride, self.pad, self.standardise = stride, w.shape[2] // 2, standardise

    def forward(self, x):
        w = self.weight
        if self.standardise:  # a batch norm over the kernels: timm's StdConv2d, the fastest form
            w = F.batch_norm(w.reshape(1, w.shape[0], -1), None, None, training=True, momentum=0.0,
                             eps=bit.WS_EPS).reshape_as(w)
        return F.conv2d(x, w, None, self.stride, self.pad)


def norm(pair):
    m = torch.nn.GroupNorm(bit.GROUPS, len(pair[0]), eps=bit.GN_EPS)
    with torch.no_grad():
        m.weight.copy_(torch.from_numpy(pair[0]))
        m.bias.copy_(torch.from_numpy(pair[1]))
    return m


class Unit(torch.nn.Module):
    def __init__(self, net, name, stride, proj, standardise):
        super().__init__()
        self.norms = torch.nn.ModuleList(norm(net.norm(f"{name}{k}/")) for k in "abc")
        self.convs = torch.nn.ModuleList(
            Conv(net.kernel(f"{name}{k}/"), stride if k == "b" else 1, standardise) for k in "abc")
        self.proj = Conv(net.kernel(f"{name}a/proj/"), stride, standardise) if proj else None

    def forward(self, x):
        a = F.relu(self.norms[0](x))
        shortcut = self.proj(a) if self.proj is not None else x
        y = self.convs[0](a)
        for n, c in zip(self.norms[1:], self.convs[1:]):
            y = c(F.relu(n(y)))
        return y + shortcut


class Bit(torch.nn.Module):
    def __init__(self, net, standardise):
        super().__init__()
        self.root = Conv(net.kernel("root_block/"), 2, standardise)
        self.units = torch.nn.ModuleList(Unit(net, *u, standardise) for u in net.units())
        self.norm = norm(net.norm(""))
        w, b = net.head()
        self.head = torch.nn.Linear(w.shape[1], w.shape[0])
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(w))
            self.head.bias.copy_(torch.from_numpy(b))

    def forward(self, x):
        x = F.max_pool2d(F.pad(self.root(x), (1, 1, 1, 1)), 3, 2)
        for u in self.units:
            x = u(x)
        return self.head(F.relu(self.norm(x)).mean((2, 3)))


def prepare(job, layout, compiled):
    """A function that does the work once: logits [n, classes] or the loss before the step."""
    torch.set_num_threads(job.threads)
    net = bit.Net(job.weights, standardised=not job.train)
    model = Bit(net, standardise=job.train)
    x = torch.from_numpy(np.ascontiguousarray(bit.images(job.batch, job.size).transpose(0, 3, 1, 2)))
    if layout == "nhwc":
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    if not job.train:
        model.eval()
        if compiled:
            import torch._inductor.config as config
            config.freezing = True
            model = torch.compile(model)

        def forward():
            with torch.inference_mode(not compiled), torch.no_grad():
                return model(x).numpy()
        return forward
    target = torch.from_numpy(bit.labels(job.batch, net.classes))
    sgd = torch.optim.SGD(model.parameters(), lr=job.lr, momentum=0.9)

    def loss_of(x, target):
        return F.cross_entropy(model(x), target)
    step_loss = torch.compile(loss_of) if compiled else loss_of

    def step():
        sgd.zero_grad()
        loss = step_loss(x, target)
        loss.backward()
        sgd.step()
        return np.float32(loss.item())
    return step
