"""The ITU-T P.862 code behind one guard: what would raise, hang or kill the process becomes a status.

The C code keeps its utterances in arrays of 50 and writes past their end. An utterance takes at least 0.388 s
(50 frames of 4 ms, and pauses of up to 50 frames are bridged), so that signals of up to 18 s are safe; longer
ones are scored in a child process.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

import numpy as np

from percepkit.audio.resampling import resample
from percepkit.engine.child import Child, ChildCrashed, ChildError, ChildTimeout
from percepkit.eval.metrics._interface import Unscorable, checked_estimate, checked_reference

__all__ = ["VERSION", "Reference", "mos_lqo", "reference_at", "score_pair"]

VERSION = f"1+pesq-{version('pesq')}"

_SAFE_SECONDS = 18.0
_SHORTEST_SECONDS = 0.25
_TIMEOUT_SECONDS = 300.0  # it runs at about 30 times real time: three hours of signal
_RECYCLE_AFTER = 50  # calls; the C code leaks when it finds no utterance

_STATUS_OF_ERROR = {"NoUtterancesError": "no_utterances", "BufferTooShortError": "too_short"}


@dataclass(frozen=True)
class Reference:
    """A reference at the rate that PESQ runs at."""

    signal: np.ndarray  # float32 [n_samples at pesq_rate]
    pesq_rate: int
    n_samples: int  # at sample_rate
    sample_rate: int


def reference_at(reference: np.ndarray, sample_rate: int, pesq_rate: int) -> Reference:
    """Check a reference and resample it to the rate that PESQ runs at (8 or 16 kHz)."""
    reference = checked_reference(reference)
    seconds = len(reference) / sample_rate
    if seconds < _SHORTEST_SECONDS:
        raise Unscorable("too_short", f"{seconds:.3g} s, PESQ needs {_SHORTEST_SECONDS} s")
    signal = resample(reference.astype(np.float32), sample_rate, pesq_rate)
    return Reference(signal, pesq_rate, len(reference), sample_rate)


def mos_lqo(reference: Reference, estimate: np.ndarray, mode: str) -> float:
    """Score an estimate; MOS-LQO of P.862.1 (mode ``"nb"``) or P.862.2 (``"wb"``).

    Raises
    ------
    Unscorable
        For everything that the C code cannot score.
    """
    estimate = checked_estimate(estimate, reference.n_samples).astype(np.float32)
    estimate = resample(estimate, reference.sample_rate, reference.pesq_rate)
    if len(estimate) <= _SAFE_SECONDS * reference.pesq_rate:
        return _in_process(reference, estimate, mode)
    return _in_child(reference, estimate, mode)


def score_pair(reference: np.ndarray, estimate: np.ndarray, rate: int, mode: str) -> dict[str, float]:
    """Call the ITU code without a guard; this is what the child process runs."""
    from pesq import pesq

    return {"value": float(pesq(rate, reference, estimate, mode))}


def _in_process(reference: Reference, estimate: np.ndarray, mode: str) -> float:
    try:
        return score_pair(reference.signal, estimate, reference.pesq_rate, mode)["value"]
    except Exception as error:  # the package raises ValueError, RuntimeError and its own
        raise _unscorable(type(error).__name__, str(error)) from error


def _unscorable(error_type: str, message: str) -> Unscorable:
    if "cannot convert float NaN" in message:
        message = "PESQ computed NaN: one of the signals has next to no energy in the telephone band"
    elif message.startswith(("b'", 'b"')):
        message = message[2:-1]
    return Unscorable(_STATUS_OF_ERROR.get(error_type, "backend_error"), message or error_type)


@cache
def _child() -> Child:
    return Child(f"{__name__}:score_pair", timeout_seconds=_TIMEOUT_SECONDS, recycle_after=_RECYCLE_AFTER)


def _in_child(reference: Reference, estimate: np.ndarray, mode: str) -> float:
    try:
        result = _child().call(reference=reference.signal, estimate=estimate, rate=reference.pesq_rate, mode=mode)
    except ChildCrashed as error:
        how = f"by {error.signal}" if error.signal else "by itself"
        reason = f"the ITU code ended its process {how}: it has room for 50 utterances; score shorter pieces"
        raise Unscorable("crashed", reason) from error
    except ChildTimeout as error:
        raise Unscorable("timeout", f"PESQ did not finish in {_TIMEOUT_SECONDS:.0f} s") from error
    except ChildError as error:
        raise _unscorable(error.type_name, error.message) from error
    return float(result["value"])
