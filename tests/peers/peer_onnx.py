"""BiT as an ONNX graph (opset 18, GroupNorm as InstanceNormalization over groups, as torch exports
it), run by onnxruntime or OpenVINO. Forward only."""
import numpy as np
import onnx
from onnx import helper, numpy_helper

import bit


class Graph:
    def __init__(self):
        self.nodes, self.constants, self.n = [], [], 0

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op, inputs, **attributes):
        self.n += 1
        out = f"t{self.n}"
        self.nodes.append(helper.make_node(op, inputs, [out], **attributes))
        return out


def conv(g, x, w, stride):
    pad = w.shape[2] // 2
    return g.node("Conv", [x, g.constant(w)], kernel_shape=list(w.shape[2:]), strides=[stride] * 2,
                  pads=[pad] * 4)


def norm_relu(g, x, pair, batch, side):
    gamma, beta = pair
    c = len(gamma)
    grouped = g.node("Reshape", [x, g.constant(np.array([0, bit.GROUPS, -1]))])
    one, zero = np.ones(bit.GROUPS, np.float32), np.zeros(bit.GROUPS, np.float32)
    y = g.node("InstanceNormalization", [grouped, g.constant(one), g.constant(zero)],
               epsilon=bit.GN_EPS)
    y = g.node("Reshape", [y, g.constant(np.array([batch, c, side, side]))])
    y = g.node("Mul", [y, g.constant(gamma.reshape(1, c, 1, 1))])
    y = g.node("Add", [y, g.constant(beta.reshape(1, c, 1, 1))])
    return g.node("Relu", [y])


def model(job, batch):
    """The serialized graph: "x" [batch, 3, size, size] -> "logits"."""
    net, g, side = bit.Net(job.weights, standardised=True), Graph(), (job.size + 1) // 2
    x = conv(g, "x", net.kernel("root_block/"), 2)
    x = g.node("Pad", [x, g.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]))])
    x = g.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2])
    side = (side + 1) // 2
    for name, stride, proj in net.units():
        a = norm_relu(g, x, net.norm(name + "a/"), batch, side)
        shortcut = conv(g, a, net.kernel(name + "a/proj/"), stride) if proj else x
        y = conv(g, a, net.kernel(name + "a/"), 1)
        y = conv(g, norm_relu(g, y, net.norm(name + "b/"), batch, side), net.kernel(name + "b/"), stride)
        side = (side + stride - 1) // stride
        y = conv(g, norm_relu(g, y, net.norm(name + "c/"), batch, side), net.kernel(name + "c/"), 1)
        x = g.node("Add", [y, shortcut])
    x = norm_relu(g, x, net.norm(""), batch, side)
    x = g.node("Flatten", [g.node("GlobalAveragePool", [x])])
    w, b = net.head()
    g.nodes.append(helper.make_node("Gemm", [x, g.constant(w), g.constant(b)], ["logits"], transB=1))
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in
              (("x", [batch, 3, job.size, job.size]), ("logits", [batch, net.classes]))]
    graph = helper.make_graph(g.nodes, "bit", values[:1], values[1:], g.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def images(job):
    return np.ascontiguousarray(bit.images(job.batch, job.size).transpose(0, 3, 1, 2))


def prepare_onnxruntime(job):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(model(job, job.batch).SerializeToString(), options,
                                   providers=["CPUExecutionProvider"])
    x = images(job)
    return lambda: session.run(None, {"x": x})[0]


def prepare_openvino(job, hint):
    """With the throughput hint the batch is dealt out to as many requests as the library asks for."""
    import openvino as ov
    core = ov.Core()
    pieces = 1

    def compiled(pieces):
        graph = core.read_model(model(job, job.batch // pieces).SerializeToString())
        return core.compile_model(graph, "CPU", {
            "PERFORMANCE_HINT": hint, "INFERENCE_NUM_THREADS": job.threads,
            "INFERENCE_PRECISION_HINT": "f32"})
    net = compiled(1)
    if hint == "THROUGHPUT":
        wanted = net.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        pieces = max(k for k in range(1, min(wanted, job.batch) + 1) if job.batch % k == 0)
        net = compiled(pieces) if pieces > 1 else net
    requests = [net.create_infer_request() for _ in range(pieces)]
    for request, part in zip(requests, np.split(images(job), pieces)):
        request.set_input_tensor(ov.Tensor(part, shared_memory=False))

    def run():
        for r in requests:
            r.start_async()
        for r in requests:
            r.wait()
        return np.concatenate([r.get_output_tensor().data for r in requests])
    return run
