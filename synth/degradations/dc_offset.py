"""A constant offset, as cheap sound cards add it."""

import numpy as np
from pydantic import Field

from percepkit.synth.degradations._interface import Degradation, Degraded, Parameters, check_signal

__all__ = ["DEGRADATION", "DcOffset", "apply"]


class DcOffset(Parameters):
    """Size of the offset."""

    offset_to_rms: float = Field(0.1, ge=-10, le=10, description="offset over the signal's RMS, with its sign")


def apply(x: np.ndarray, sample_rate: int, parameters: DcOffset, key: int) -> Degraded:
    """Add a constant.

    The offset is relative to the signal, so that scaling the input scales the output; yet it is not linear:
    the offset of a mix is not the sum of its stems' offsets. ``measured`` holds the ``offset`` (full scale 1).

    Examples
    --------
    >>> apply(np.float32([3.0, -3.0]), 16_000, DcOffset(offset_to_rms=0.5), 0).signal
    array([ 4.5, -1.5], dtype=float32)
    """
    check_signal(x, sample_rate)
    rms = float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if len(x) else 0.0
    offset = parameters.offset_to_rms * rms
    return Degraded(x + np.float32(offset), {"offset": offset})


DEGRADATION = Degradation(
    name="dc_offset",
    summary="a constant added, relative to the signal's RMS",
    source="DeepFilterNet (offsets and their removal)",
    parameters=DcOffset,
    linear=False,
    apply=apply,
    examples=({"offset_to_rms": 0.2}, {"offset_to_rms": -0.05}),
)
