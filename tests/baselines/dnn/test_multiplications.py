"""Multiplications of networks, against counts by hand."""

import numpy as np
import pytest

from percepkit.baselines.dnn import models
from percepkit.baselines.dnn.card import Card, read_card
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.objectives import make as make_objective

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")
onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra dnn)")
from percepkit.baselines.dnn.export import export  # noqa: E402
from percepkit.baselines.dnn.multiplications import count_macs  # noqa: E402

VOICE, NOISE, GAINS, N_IN, N_OUT = 8, 12, 16, 46, 26  # of a small RNNoise at 16 kHz
#: Weights of its matrices, each of which multiplies once a frame: dense layer, three GRUs of three gates, gains.
MATRICES = N_IN * VOICE + N_OUT * GAINS + 3 * (
    2 * VOICE * VOICE + (2 * VOICE + N_IN + NOISE) * NOISE + (VOICE + NOISE + N_IN + GAINS) * GAINS
)  # fmt: skip
BIASES = VOICE + N_OUT + 6 * (VOICE + NOISE + GAINS)


def graph(nodes, weights, inputs, outputs):
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    constants = [onnx.numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights.items()]
    made = helper.make_graph(
        [helper.make_node(*node[:3], **node[3]) for node in nodes],
        "net",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        constants,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    "node, weights, shape, count",
    [
        (("MatMul", ["x", "w"], ["y"], {}), {"w": (5, 7)}, (2, 3, 5), 2 * 3 * 7 * 5),
        (("Gemm", ["x", "w", "b"], ["y"], {}), {"w": (5, 7), "b": (7,)}, (3, 5), 3 * 7 * 5),
        (("Gemm", ["x", "w"], ["y"], {"transA": 1, "transB": 1}), {"w": (7, 5)}, (5, 3), 3 * 7 * 5),
        (("Conv", ["x", "w"], ["y"], {"strides": [2]}), {"w": (4, 6, 3)}, (1, 6, 11), 5 * 4 * 6 * 3),
        (("Conv", ["x", "w"], ["y"], {"group": 6}), {"w": (6, 1, 3)}, (1, 6, 10), 8 * 6 * 3),
        (("Sigmoid", ["x"], ["y"], {}), {}, (9,), 0),
    ],
)
def test_one_node_has_the_count_of_its_formula(node, weights, shape, count, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(graph([node], weights, {"x": shape}, ["y"]).SerializeToString())
    assert count_macs(path, {"x": np.zeros(shape, np.float32)}) == count


def test_shapes_that_the_graph_computes_are_known(tmp_path):
    nodes = [("Transpose", ["x"], ["t"], {}), ("MatMul", ["t", "w"], ["h"], {}), ("MatMul", ["h", "v"], ["y"], {})]
    path = tmp_path / "net.onnx"
    model = graph(nodes, {"w": (3, 4), "v": (4, 2)}, {"x": (3, None)}, ["y"])
    path.write_bytes(model.SerializeToString())
    assert count_macs(path, {"x": np.zeros((3, 10), np.float32)}) == 10 * 4 * 3 + 10 * 2 * 4


@pytest.mark.parametrize("quantise", [False, True])
def test_a_card_tells_what_the_layers_of_a_network_say(quantise, tmp_path):
    features, objective = make_features("rnnoise", 16_000), make_objective("gains", 16_000)
    model = models.build("rnnoise", n_in=features.size, heads=objective.heads, widths=(VOICE, NOISE, GAINS))
    card = Card("small", "Small.", "none", 16_000, "rnnoise", "gains", "rnnoise")
    rows = np.random.default_rng(0).standard_normal((9, N_IN)).astype(np.float32)
    card = read_card(export(model, card, tmp_path, rows, quantise=quantise).path.with_suffix(".json"))
    assert card.parameters == MATRICES + BIASES
    assert card.macs_per_second == 100 * MATRICES


def test_a_network_of_whole_signals_is_counted_by_its_mean_frame(tmp_path):
    features, objective = make_features("waveform", 16_000), make_objective("waveform", 16_000)
    options = {"channels": 4, "stacks": 1, "layers": 2, "postnet_layers": 0}
    model = models.build("wavenet", n_in=160, heads=objective.heads, **options)
    card = Card("wave", "Waves.", "none", 16_000, "waveform", "waveform", "wavenet", model_options=options)
    rows = np.random.default_rng(0).standard_normal((5, features.size)).astype(np.float32)
    card = read_card(export(model, card, tmp_path, rows, quantise=False).path.with_suffix(".json"))
    enter, layers, leave = 4, 2 * (3 * 4 * 8 + 4 * 8), 4 * 4 + 4
    assert card.macs_per_second == 16_000 * (enter + layers + leave)
