"""From trained PyTorch networks to ONNX files that `percepkit.baselines.dnn.runtime` runs.

A causal network becomes the step of one frame, its state going in and out. Weights of matrix products may be
rounded to 8 bits, activations are then rounded frame by frame; convolutions keep their precision.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from percepkit.baselines.dnn.card import Card, write_card
from percepkit.baselines.dnn.multiplications import count_macs
from percepkit.baselines.dnn.runtime import start_session
from percepkit.dsp.stft import hop_length

__all__ = ["Exported", "export"]

OPSET = 17
TOLERANCE = 1e-4  # of outputs of the order of 1, without rounding to 8 bits
COUNTED_FRAMES = 100  # of a network that needs the whole signal, for the mean cost of a frame


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    path : Path
        ONNX file; its card lies beside it.
    float_difference : float
        Largest difference between the outputs of PyTorch and of ONNX in single precision.
    difference : float
        The same of the file as it is, with 8-bit weights where asked for.
    """

    path: Path
    float_difference: float
    difference: float


class _Step(torch.nn.Module):  # type: ignore[misc]  # Module is Any where torch is not looked into
    """A frame's step with its state as separate arguments."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output, after = self.model.step(x, state)
        return output, *after


@torch.no_grad()
def export(model: Any, card: Card, folder: Path, rows: np.ndarray, *, quantise: bool) -> Exported:
    """Write CARD.name.onnx and CARD.name.json.

    Parameters
    ----------
    model : Module
        Of `percepkit.baselines.dnn.models.build`, trained; put into evaluation mode on the CPU.
    card : Card
        ``causal``, ``look_ahead_frames``, ``parameters`` and ``macs_per_second`` are taken from the model.
    folder : Path
        Is made if it is missing.
    rows : float32 array, shape (frames, n_in)
        Features of a real signal, on which ONNX is compared with PyTorch.
    quantise : bool
        Round the weights of matrix products to 8 bits.

    Raises
    ------
    ValueError
        If ONNX and PyTorch differ by more than 1e-4 before rounding.
    """
    model = model.cpu().eval()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{card.name}.onnx"
    with TemporaryDirectory(dir=folder) as temporary:
        plain = Path(temporary) / "plain.onnx"
        (_write_step if model.causal else _write_whole)(model, plain, rows)
        reference = model(torch.tensor(rows)[None])[0].numpy()
        float_difference = _largest_difference(plain, reference, rows, model)
        if not float_difference <= TOLERANCE:
            raise ValueError(
                f"{card.name}: ONNX differs from PyTorch by {float_difference:.2g}, more than {TOLERANCE:.0e}; "
                "the model uses what the exporter does not know"
            )
        written = Path(temporary) / "written.onnx"
        if quantise:
            _quantise(plain, written)
        difference = _largest_difference(written if quantise else plain, reference, rows, model)
        (written if quantise else plain).replace(path)
    own = {
        "causal": model.causal,
        "look_ahead_frames": model.look_ahead_frames,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "macs_per_second": _macs_of_a_frame(path, model) * card.sample_rate / hop_length(card.sample_rate),
    }
    write_card(Card(**{**vars(card), **own}), path.with_suffix(".json"))
    return Exported(path, float_difference, difference)


def _write_step(model: Any, path: Path, rows: np.ndarray) -> None:
    state = model.initial_state(1)
    names = [f"state_{i}" for i in range(len(state))]
    inputs, outputs = ["features", *names], ["outputs", *(f"{name}_after" for name in names)]
    _write(_Step(model).eval(), (torch.tensor(rows[:1]), *state), path, input_names=inputs, output_names=outputs)


def _write_whole(model: Any, path: Path, rows: np.ndarray) -> None:
    axes = {"features": {1: "frames"}, "outputs": {1: "frames"}}
    _write(
        model,
        (torch.tensor(rows)[None],),
        path,
        input_names=["features"],
        output_names=["outputs"],
        dynamic_axes=axes,
    )


def _write(module: Any, example: tuple[torch.Tensor, ...], path: Path, **names: Any) -> None:
    # The exporter that traces: a step has no control flow, and its graphs are the ones that the quantiser knows.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, example, str(path), opset_version=OPSET, dynamo=False, **names)


def _quantise(source: Path, path: Path) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(source).graph
    stacks = {weights.name for weights in graph.initializer if len(weights.dims) > 2}  # which onnxruntime refuses
    quantize_dynamic(
        source,
        path,
        op_types_to_quantize=["MatMul"],
        nodes_to_exclude=[node.name for node in graph.node if stacks.intersection(node.input)],
        weight_type=QuantType.QInt8,
        per_channel=True,
    )


def _macs_of_a_frame(path: Path, model: Any) -> float:
    inputs = start_session(path).get_inputs()
    if model.causal:
        return count_macs(path, {node.name: np.zeros(node.shape, np.float32) for node in inputs})
    [wanted] = inputs
    rows = np.zeros((1, COUNTED_FRAMES, wanted.shape[-1]), np.float32)
    return count_macs(path, {wanted.name: rows}) / COUNTED_FRAMES


def _largest_difference(path: Path, reference: np.ndarray, rows: np.ndarray, model: Any) -> float:
    session = start_session(path)
    if not model.causal:
        [outputs] = session.run(None, {"features": rows[None]})
        return float(np.abs(outputs[0] - reference).max())
    inputs = session.get_inputs()
    names, state = [node.name for node in inputs], [np.zeros(node.shape, np.float32) for node in inputs[1:]]
    ahead, found = model.look_ahead_frames, []
    for row in np.pad(rows, ((0, ahead), (0, 0))):
        output, *state = session.run(None, dict(zip(names, [row[None], *state], strict=True)))
        found.append(output[0])
    return float(np.abs(np.array(found[ahead:]) - reference).max())
