"""ONNX files as denoisers, by tiny models."""

import numpy as np
import pytest

from percepkit.baselines.registry import load

NOISY = (0.1 * np.random.default_rng(0).standard_normal(4_000)).astype(np.float32)


@pytest.fixture
def model(tmp_path):
    """Maker of a model that halves and delays a waveform; gives its path."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: no model to try")

    def make(shape=(1, "n"), delay=0, kind=1, **metadata):
        helper = onnx.helper
        pads = [0] * (len(shape) - 1) + [delay] + [0] * (len(shape) - 1) + [-delay]
        nodes = [
            helper.make_node("Mul", ["x", "half"], ["h"]),
            helper.make_node("Pad", ["h", "pads"], ["y"]),
        ]
        constants = [
            helper.make_tensor("half", kind, [], [0.5]),
            helper.make_tensor("pads", onnx.TensorProto.INT64, [len(pads)], pads),
        ]
        signals = [helper.make_tensor_value_info(name, kind, shape) for name in "xy"]
        graph = helper.make_graph(nodes, "half", signals[:1], signals[1:], constants)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.helper.set_model_props(proto, {key: str(value) for key, value in metadata.items()})
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        return f"onnx:{path}"

    return make


@pytest.mark.parametrize("shape", [("n",), (1, "n"), (1, 1, "n")])
def test_waveform_in_waveform_out(model, shape):
    denoiser = load(model(shape, sample_rate=16_000))
    assert denoiser.spec.native_sample_rates == (16_000,)
    assert not denoiser.spec.aligned
    np.testing.assert_array_equal(denoiser(NOISY, 16_000), NOISY / 2)


def test_declared_delay_is_undone(model):
    denoiser = load(model(delay=160, sample_rate=16_000, delay_samples=160))
    assert denoiser.spec.aligned
    enhanced = denoiser(NOISY, 16_000)
    np.testing.assert_array_equal(enhanced[:-160], NOISY[:-160] / 2)
    assert not enhanced[-160:].any()


def test_rate_stands_in_the_metadata_or_in_the_name(model):
    name = model()
    assert load(f"{name}@48000").spec.native_sample_rates == (48_000,)
    with pytest.raises(ValueError, match=r"hold no sample_rate.*@16000"):
        load(name)


def test_other_models_are_refused(model, tmp_path):
    with pytest.raises(ValueError, match=r"one float input.*found x tensor\(float\) \[1, 512\]"):
        load(model((1, 512), sample_rate=16_000))
    with pytest.raises(ValueError, match=r"found x tensor\(double\)"):
        load(model(kind=11, sample_rate=16_000))
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="not a model that onnxruntime loads"):
        load(f"onnx:{tmp_path / 'broken.onnx'}")
    with pytest.raises(ValueError, match=r"there is no file nowhere\.onnx"):
        load("onnx:nowhere.onnx")
