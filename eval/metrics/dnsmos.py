"""DNSMOS: the opinion that a network predicts of an estimate, without any reference.

References
----------
C. K. A. Reddy, V. Gopal, R. Cutler, "DNSMOS P.835: a non-intrusive perceptual objective speech quality metric to
evaluate noise suppressors", ICASSP 2022, and the same authors' DNSMOS for P.808, ICASSP 2021.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.audio.resampling import resample
from percepkit.eval.metrics._extra import version_with
from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate

__all__ = ["SPEC", "Input", "prepare", "score"]

_NAMES = {"dnsmos_ovrl": "ovrl_mos", "dnsmos_sig": "sig_mos", "dnsmos_bak": "bak_mos", "dnsmos_p808": "p808_mos"}

SPEC = MetricSpec(
    names=tuple(_NAMES),
    version=version_with("1", "speechmos"),
    summary="Opinion predicted by a network from the estimate alone, at 16 kHz: overall, speech and background as "
    "in P.835, and overall as in P.808. Signals under 9.01 s are repeated; all but P.808 hear the level.",
    source="Reddy, Gopal and Cutler, ICASSP 2021 and 2022, by the package speechmos",
    unit=dict.fromkeys(_NAMES, "MOS"),
    range=dict.fromkeys(_NAMES, (1.0, 5.0)),  # of the scale, which the networks are not held to
    needs="nothing",
    packages=("speechmos", "onnxruntime", "librosa", "requests"),
)

_RATE = 16_000
_SHORTEST_SECONDS = 1.0


@dataclass(frozen=True)
class Input:
    """What every estimate must be like."""

    n_samples: int
    sample_rate: int


def prepare(reference: np.ndarray, sample_rate: int) -> Input:
    """Look at nothing of the reference but its length.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 16 kHz; ``too_short`` below 1 s: the network hears 9.01 s, which a shorter sound
        would have to be repeated for until nothing but the repetition is left.
    """
    if sample_rate < _RATE:
        raise Unscorable("rate_mismatch", f"DNSMOS hears 16000 Hz, got {sample_rate} Hz")
    if len(reference) < _SHORTEST_SECONDS * sample_rate:
        reason = f"{len(reference) / sample_rate:.3g} s, {_SHORTEST_SECONDS:g} s are needed"
        raise Unscorable("too_short", reason)
    return Input(len(reference), sample_rate)


def score(state: Input, estimate: np.ndarray) -> dict[str, float]:
    """Score an estimate as it is: its level is part of what is judged.

    The package's code doubles a signal until it holds 9.01 s and averages over windows of that length that start a
    second apart; up to the last two seconds of a longer signal are in none of them.

    Raises
    ------
    Unscorable
        ``over_full_scale`` if a sample lies beyond 1: no level of such a signal is right.
    """
    estimate = checked_estimate(estimate, state.n_samples)
    peak = float(np.abs(estimate).max())
    if peak > 1:
        raise Unscorable("over_full_scale", f"the largest sample is {peak:.3g}, full scale is 1")
    signal = np.clip(resample(estimate, state.sample_rate, _RATE), -1, 1)  # a resampler may overshoot
    values = _networks()(signal, _RATE, False)
    return {name: float(values[key]) for name, key in _NAMES.items()}


@cache
def _networks() -> Any:
    """The package's own scorer, each network on one thread: the engine's workers are the threads here."""
    import onnxruntime
    from speechmos import dnsmos

    folder = Path(dnsmos.__file__).parent / "dnsmos_models"
    files = [str(folder / name) for name in ("sig_bak_ovr.onnx", "model_v8.onnx")]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    scorer = dnsmos.DNSMOS(*files)
    scorer.onnx_sess, scorer.p808_onnx_sess = (onnxruntime.InferenceSession(file, options) for file in files)
    return scorer
