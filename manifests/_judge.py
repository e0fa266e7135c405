"""The child's side of `percepkit.manifests.score`; it loads little beside the user's own function."""

from typing import Any

import numpy as np

from percepkit.engine.importing import import_attribute

__all__ = ["judge"]


def judge(function: str, x: np.ndarray, sample_rate: int) -> float:
    """Call a user's function and make a number of what it returns, e.g. of an array or a tensor.

    Examples
    --------
    >>> judge("math:ldexp", 0.75, 2)
    3.0
    """
    call: Any = import_attribute(function)
    return float(call(x, sample_rate))
