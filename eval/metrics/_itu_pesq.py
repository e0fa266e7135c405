"""The ITU-T P.862 code behind one guard: what would raise, hang or kill the process becomes a status.

The C code keeps its utterances in arrays of 50 and writes past their end. An utterance takes at least 0.388 s
(50 frames of 4 ms, and pauses of up to 50 frames are bridged), so that signals of up to 18 s are safe. In longer
ones the utterances are counted first, and those with few enough are scored in a child process.
"""

import math
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from threading import Lock

import numpy as np
from scipy.signal import butter, sosfilt

from percepkit.audio.resampling import resample
from percepkit.engine.child import Child, ChildCrashed, ChildError, ChildTimeout
from percepkit.eval.metrics._interface import Unscorable, checked_estimate, checked_reference

__all__ = ["VERSION", "Reference", "mos_lqo", "most_utterances", "raw_of_mos_lqo", "reference_at", "score_pair"]

VERSION = f"1+pesq-{version('pesq')}"

_SAFE_SECONDS = 18.0
_SHORTEST_SECONDS = 0.25
_TIMEOUT_SECONDS = 300.0  # it runs at about 30 times real time: three hours of signal
_RECYCLE_AFTER = 50  # calls; the C code leaks when it finds no utterance

_MOST_UTTERANCES = 49  # the code splits long ones further, but never beyond 50
_FRAME_SECONDS = 0.004
_SPEECH_BAND_HZ = (300.0, 3_400.0)
_THRESHOLDS_DB = np.arange(3.0, 43.0, 2.5)  # below the loudest frame; the code's own adapts, down to 40 dB
_SEPARATING_FRAMES, _UTTERANCE_FRAMES = 47, 46  # 50 in the code, whose borders move by up to two frames
_REMEMBERED = 64

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
    if seconds > _SAFE_SECONDS:
        count = most_utterances(signal, pesq_rate)
        if count > _MOST_UTTERANCES:
            reason = (
                f"up to {count} utterances, the ITU code has room for {_MOST_UTTERANCES}: score shorter pieces"
            )
            raise Unscorable("too_many_utterances", reason)
    return Reference(signal, pesq_rate, len(reference), sample_rate)


def most_utterances(signal: np.ndarray, rate: int) -> int:
    """Bound the number of utterances that PESQ finds in a reference.

    PESQ's detector adapts its threshold to the noise it believes in. So the stretches above a threshold are
    counted for every threshold that it may arrive at, and the largest count is taken: never too few, often more
    than PESQ would find.

    Parameters
    ----------
    signal : float array, shape (n_samples,)
    rate : int
        8000 or 16000 Hz.

    Examples
    --------
    >>> bursts = np.random.default_rng(0).standard_normal(80_000) * (np.arange(80_000) % 8_000 < 3_400)
    >>> most_utterances(bursts, 8_000)
    10
    """
    n_frame = round(_FRAME_SECONDS * rate)
    x = sosfilt(butter(2, _SPEECH_BAND_HZ, "bandpass", fs=rate, output="sos"), signal.astype(np.float64))
    frames = x[: len(x) // n_frame * n_frame].reshape(-1, n_frame)
    energy = np.sum(frames * frames, axis=1)
    thresholds = energy.max(initial=0.0) * 10 ** (-_THRESHOLDS_DB / 10)
    return max(_stretches(energy > threshold) for threshold in thresholds)


def _stretches(loud: np.ndarray) -> int:
    """Count stretches of loud frames that are long enough once pauses too short to separate are bridged."""
    at = np.flatnonzero(loud)
    if not len(at):
        return 0
    breaks = np.flatnonzero(np.diff(at) > _SEPARATING_FRAMES)
    first, last = at[np.r_[0, breaks + 1]], at[np.r_[breaks, len(at) - 1]]
    return int(np.sum(last - first + 1 >= _UTTERANCE_FRAMES))


def raw_of_mos_lqo(mos_lqo: float) -> float:
    """Undo the mapping of P.862.1, eq. 1: the raw narrowband score that a MOS-LQO comes from.

    Examples
    --------
    >>> round(raw_of_mos_lqo(1.6072081), 3), round(raw_of_mos_lqo(4.5486386), 2)
    (1.969, 4.5)
    """
    return (4.6607 - math.log(4 / (mos_lqo - 0.999) - 1)) / 1.4945


def mos_lqo(reference: Reference, estimate: np.ndarray, mode: str) -> float:
    """Score an estimate; MOS-LQO of P.862.1 (mode ``"nb"``) or P.862.2 (``"wb"``).

    Raises
    ------
    Unscorable
        For everything that the C code cannot score.
    """
    estimate = checked_estimate(estimate, reference.n_samples).astype(np.float32)
    estimate = resample(estimate, reference.sample_rate, reference.pesq_rate)
    digest = blake2b(reference.signal.tobytes(), digest_size=16)
    digest.update(estimate.tobytes())
    key = (mode, reference.pesq_rate, digest.digest())
    value = _remembered.get(key)
    if value is None:
        is_safe = len(estimate) <= _SAFE_SECONDS * reference.pesq_rate
        value = _in_process(reference, estimate, mode) if is_safe else _in_child(reference, estimate, mode)
        _remember(key, value)
    return value


# The composite measures and pesq_wb need the same value, which costs more than all other metrics together.
_remembered: dict[tuple[str, int, bytes], float] = {}
_lock = Lock()


def _remember(key: tuple[str, int, bytes], value: float) -> None:
    with _lock:
        while len(_remembered) >= _REMEMBERED:
            del _remembered[next(iter(_remembered))]
        _remembered[key] = value


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
