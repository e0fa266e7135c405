"""What a degradation is, what it returns, and the small things that all of them need."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

__all__ = ["Degradation", "Degraded", "Parameters", "check_signal", "energy_ratio_db", "finite"]


class Parameters(BaseModel):
    """Base of a degradation's parameters: plain numbers and words, drawn before, that nothing may change.

    Fields carry their unit in the name, a description and bounds; unknown fields are errors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, eq=False)
class Degraded:
    """What a degradation made of a signal.

    Attributes
    ----------
    signal : float32 array, shape (n_samples,)
        As long as the input and aligned with it: any delay is compensated.
    measured : dict of float
        What was really done, units in the names. Finite numbers only: what has no value is left out.
    bandwidth_hz : float or None
        Upper end of the band that this stage leaves, if it limits the band.
    clipped : bool array, shape (n_samples,), or None
        Samples whose true value is gone, because it was limited.
    lost : bool array, shape (n_samples,), or None
        Samples that did not arrive.
    """

    signal: np.ndarray
    measured: dict[str, float] = field(default_factory=dict)
    bandwidth_hz: float | None = None
    clipped: np.ndarray | None = None
    lost: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """A degradation; each module of this folder defines one as ``DEGRADATION``.

    Attributes
    ----------
    name : str
        The module's name.
    summary, source : str
        One line on what is done, and the publication or system it follows.
    parameters : type of Parameters
    linear : bool
        Whether, at equal parameters and key, the output is a linear function of the input: the stems of a mix
        may then be degraded one by one.
    apply : callable
        ``(x, sample_rate, parameters, key) -> Degraded``. ``x`` is a float32 array of shape (n_samples,), any
        length, never modified; ``key`` is a 128-bit key (`percepkit.dsp.draws.key_of`) for what the
        parameters leave open. A pure function; silence in gives silence out.
    examples : tuple of mappings
        Parameters that the tests and the documentation run it with.
    """

    name: str
    summary: str
    source: str
    parameters: type[Parameters]
    linear: bool
    apply: Callable[[np.ndarray, int, Any, int], Degraded]
    examples: tuple[Mapping[str, Any], ...] = ({},)


def check_signal(x: np.ndarray, sample_rate: int) -> None:
    """Raise ValueError unless ``x`` is a finite float32 array of shape (n_samples,) at a positive rate.

    Examples
    --------
    >>> check_signal(np.zeros(3), 16_000)
    Traceback (most recent call last):
    ValueError: a degradation takes float32 samples of shape [n_samples], got float64 of shape (3,)
    """
    if x.ndim != 1 or x.dtype != np.float32:
        raise ValueError(
            f"a degradation takes float32 samples of shape [n_samples], got {x.dtype} of shape {x.shape}"
        )
    if sample_rate <= 0:
        raise ValueError(f"the sample rate must be positive, got {sample_rate} Hz")
    if not np.isfinite(x).all():
        raise ValueError("the signal holds NaN or an infinity; find the stage that made it")


def energy_ratio_db(above: np.ndarray, below: np.ndarray) -> float:
    """Energy of one signal over that of another in dB; NaN if both are silent.

    Examples
    --------
    >>> round(energy_ratio_db(np.full(4, 10.0), np.full(4, 1.0)), 9)
    20.0
    """
    a, b = (float(np.sum(np.square(x, dtype=np.float64))) for x in (above, below))
    if a == 0 or b == 0:
        return math.nan if a == b else math.copysign(math.inf, a - b)
    return 10 * (math.log10(a) - math.log10(b))


def finite(**values: float) -> dict[str, float]:
    """Keep the values that are finite.

    Examples
    --------
    >>> finite(gain_db=-3.0, sdr_db=math.inf)
    {'gain_db': -3.0}
    """
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}
