"""Tables that a corpus stores per frame beside its audio: one function from the rendered item each."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from percepkit.synth.render import Rendered

__all__ = ["TARGETS", "Target"]

#: From a rendered item to values and validity, both of shape (frames, width).
Target = Callable[[Rendered], tuple[np.ndarray, np.ndarray]]


def erb_gains(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Ideal ERB gains in [0, 1]."""
    return item.percepnet.gains, item.percepnet.gains_valid


def comb_strengths(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Comb-filter strengths in [0, 1]."""
    return item.percepnet.strengths, item.percepnet.strengths_valid


def comb_attenuation(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Extra attenuation in (0, 1] where the strength is saturated; a network learns its product with the gain."""
    return item.percepnet.attenuation, item.percepnet.strengths_valid


def pitch_period(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Pitch period of the clean speech in samples, shape (frames, 1); valid where voiced."""
    period = item.percepnet.period[:, None]
    return period, period > 0


TARGETS: Mapping[str, Target] = MappingProxyType(
    {f.__name__: f for f in (erb_gains, comb_strengths, comb_attenuation, pitch_period)}
)
