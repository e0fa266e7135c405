"""Finding denoisers by name.

A module of this folder is registered by its presence: it defines ``DENOISERS``, a tuple of denoisers or
oracles. Other packages register theirs under the entry-point group ``percepkit.denoisers``. Any importable
function ``(noisy, sample_rate) -> enhanced`` works as ``module:function``. A suppressor with another noise
estimator than its own is ``NAME+ESTIMATOR``. A network is the path of its ONNX file, which ends in ``.onnx``.
"""

import importlib
import pkgutil
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

import numpy as np

import percepkit.baselines
from percepkit.baselines.denoiser import Denoiser, Oracle, Spec, as_float64
from percepkit.baselines.dnn.runtime import load_network
from percepkit.baselines.suppression import Suppressor
from percepkit.engine.importing import import_attribute

__all__ = ["CLASSICS", "LADDER", "FunctionDenoiser", "default_names", "load", "names"]

#: Rungs of the PercepNet article from the barest to the ceiling of all gains.
LADDER = ("oracle-gains", "oracle-comb", "oracle-postfilter", "oracle-magnitude")

#: Of the classical suppressors, those that are scored unless asked otherwise.
CLASSICS = ("highpass", "omlsa", "spectral-subtraction", "wiener")

ENTRY_POINT_GROUP = "percepkit.denoisers"


class FunctionDenoiser:
    """Somebody else's function ``(noisy, sample_rate) -> enhanced``, held to the contract of a denoiser.

    Parameters
    ----------
    function : callable
    name : str
        Name in tables.

    Examples
    --------
    >>> half = FunctionDenoiser(lambda noisy, sample_rate: noisy / 2, "half")
    >>> half(np.ones(2), 16_000)
    array([0.5, 0.5])
    """

    def __init__(self, function: object, name: str) -> None:
        if not callable(function):
            raise ValueError(f"{name!r} is a {type(function).__name__}; expected a function (noisy, sample_rate)")
        self._function = function
        summary = (function.__doc__ or "").strip().split("\n")[0]
        self.spec = Spec(name=name, summary=summary)

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Call the function on a copy and check what it returns."""
        as_float64(noisy)
        enhanced = np.asarray(self._function(noisy.copy(), sample_rate))
        if enhanced.shape != noisy.shape:
            raise ValueError(
                f"{self.spec.name} returned shape {enhanced.shape} for {noisy.shape}; it must keep the length"
            )
        if not np.isfinite(enhanced).all():
            raise ValueError(f"{self.spec.name} returned NaN or infinite samples")
        return enhanced.astype(noisy.dtype, copy=False)

    def latency_samples(self, sample_rate: int) -> int:
        """Zero: the function is called on whole signals and returns them aligned."""
        return 0


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Denoiser | Oracle]:
    found: dict[str, Denoiser | Oracle] = {}
    for module in pkgutil.iter_modules(percepkit.baselines.__path__, "percepkit.baselines."):
        if module.name.rpartition(".")[2].startswith("_"):
            continue
        for denoiser in getattr(importlib.import_module(module.name), "DENOISERS", ()):
            if denoiser.spec.name in found:
                raise ValueError(
                    f"two denoisers are called {denoiser.spec.name!r}; rename the one in {module.name}"
                )
            found[denoiser.spec.name] = denoiser
    return found


def _third_party() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def names() -> list[str]:
    """Names of all denoisers and oracles, shipped or installed, sorted.

    Examples
    --------
    >>> {"highpass", "wiener"} <= set(names())
    True
    """
    return sorted({*_shipped(), *_third_party()})


def default_names() -> list[str]:
    """What is scored unless asked otherwise: some classics, the ladder, and what other packages register, sorted.

    Examples
    --------
    >>> "omlsa" in default_names(), "oracle-comb-published" in default_names()
    (True, False)
    """
    return sorted({*CLASSICS, *LADDER, *_third_party()})


def load(name: str) -> Denoiser | Oracle:
    """Return the denoiser called ``name``.

    Parameters
    ----------
    name : str
        One of `names`, ``module:function``, ``NAME+ESTIMATOR``, or the path of an ONNX file.

    Raises
    ------
    ValueError
        If there is none; the message lists the valid names.

    Examples
    --------
    >>> load("wiener").spec.causal
    True
    """
    if name in _shipped():
        return _shipped()[name]
    if name.endswith(".onnx"):
        return load_network(name)
    points = _third_party()
    if name in points:
        return _as_denoiser(points[name].load(), name)
    if ":" in name:
        return _as_denoiser(import_attribute(name), name)
    base, plus, estimator = name.rpartition("+")
    if plus and isinstance(found := _shipped().get(base), Suppressor):
        return found.with_estimator(estimator)
    raise ValueError(f"no denoiser is called {name!r}; choose from {', '.join(names())}, or give MODULE:FUNCTION")


def _as_denoiser(found: object, name: str) -> Denoiser | Oracle:
    if isinstance(found, type):
        raise ValueError(f"{name!r} is a class; name a function or an instance")
    if isinstance(found, Denoiser | Oracle):
        return found
    return FunctionDenoiser(found, name)
