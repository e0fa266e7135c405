"""Finding degradations by name.

A module of this folder that has no leading underscore and defines ``DEGRADATION`` is registered by its
presence, under its own name.
"""

import importlib
import pkgutil
from functools import cache

import percepkit.synth.degradations as _here
from percepkit.synth.degradations._interface import Degradation

__all__ = ["load", "names"]


@cache
def names() -> tuple[str, ...]:
    """Names of all degradations, sorted.

    Examples
    --------
    >>> {"band_limit", "clipping"} <= set(names())
    True
    """
    found = (module.name for module in pkgutil.iter_modules(_here.__path__))
    return tuple(sorted(name for name in found if not name.startswith("_") and name != "registry"))


def load(name: str) -> Degradation:
    """Return the degradation called ``name``.

    Raises
    ------
    ValueError
        If there is none; lists the valid names.

    Examples
    --------
    >>> load("equaliser").linear
    True
    """
    if name not in names():
        raise ValueError(f"unknown degradation {name!r}; valid ones: {', '.join(names())}")
    degradation: Degradation = importlib.import_module(f"{_here.__name__}.{name}").DEGRADATION
    return degradation
