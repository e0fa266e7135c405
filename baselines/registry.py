"""Finding denoisers by name.

A module of this folder is registered by its presence: it defines ``DENOISERS``, a tuple of denoisers or
oracles. Those of the folder ``peers`` are denoisers of other packages, called ``peer-NAME``. Other packages
register theirs under the entry-point group ``percepkit.denoisers``. Any importable function
``(noisy, sample_rate) -> enhanced`` works as ``module:function``. A suppressor with another noise estimator than
its own is ``NAME+ESTIMATOR``. A trained network is the path of its ONNX file, which ends in ``.onnx``. What others
made elsewhere is ``cmd:PROGRAM {in} {out}``, ``onnx:FILE`` or ``folder:PATH/{item_id}.wav``.
"""

import importlib
import pkgutil
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

import numpy as np

import percepkit.baselines
import percepkit.baselines.peers
from percepkit.baselines.command_line import CommandDenoiser
from percepkit.baselines.denoiser import Denoiser, Oracle, Recorded, Spec, as_float64
from percepkit.baselines.dnn.runtime import load_network
from percepkit.baselines.onnx_file import OnnxDenoiser
from percepkit.baselines.peers._peer import Peer
from percepkit.baselines.recorded_folder import RecordedFolder
from percepkit.baselines.suppression import Suppressor
from percepkit.engine.importing import import_attribute

__all__ = [
    "ANCHORS", "CLASSICS", "LADDER", "FunctionDenoiser", "default_names", "load", "module_of", "names", "peers",
]  # fmt: skip

#: What the metrics say at their ends.
ANCHORS = ("clean", "silence")

#: Rungs of the PercepNet article from the barest to the ceiling of all gains.
LADDER = ("oracle-gains", "oracle-comb", "oracle-postfilter", "oracle-magnitude")

#: Of the classical suppressors, those that are scored unless asked otherwise.
CLASSICS = ("highpass", "omlsa", "spectral-subtraction", "wiener")

_ELSEWHERE = {"cmd": CommandDenoiser, "onnx": OnnxDenoiser, "folder": RecordedFolder}

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
        self.spec = Spec(name=name, summary=summary, aligned=False)

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


def _shipped() -> dict[str, Denoiser | Oracle]:
    return {name: denoiser for name, (denoiser, _) in _with_modules().items()}


@lru_cache(maxsize=1)
def _with_modules() -> dict[str, tuple[Denoiser | Oracle, str]]:
    """Shipped denoisers and the modules that they lie in."""
    found: dict[str, tuple[Denoiser | Oracle, str]] = {}
    for module in pkgutil.iter_modules(percepkit.baselines.__path__, "percepkit.baselines."):
        if module.name.rpartition(".")[2].startswith("_"):
            continue
        for denoiser in getattr(importlib.import_module(module.name), "DENOISERS", ()):
            if denoiser.spec.name in found:
                raise ValueError(
                    f"two denoisers are called {denoiser.spec.name!r}; rename the one in {module.name}"
                )
            found[denoiser.spec.name] = denoiser, module.name
    return found


@lru_cache(maxsize=1)
def peers() -> dict[str, Peer]:
    """Denoisers of other packages by name, installed or not: those of the extra ``peers``.

    Examples
    --------
    >>> peers()["peer-rnnoise"].spec.native_sample_rates
    (48000,)
    """
    folder = percepkit.baselines.peers
    names = [module.name for module in pkgutil.iter_modules(folder.__path__) if not module.name.startswith("_")]
    modules = [importlib.import_module(f"{folder.__name__}.{name}") for name in names]
    return {peer.spec.name: peer for module in modules for peer in module.DENOISERS}


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
    """What is scored unless asked otherwise: anchors, classics, the ladder, and what others register, sorted.

    Examples
    --------
    >>> "omlsa" in default_names(), "oracle-comb-published" in default_names()
    (True, False)
    """
    return sorted({*ANCHORS, *CLASSICS, *LADDER, *_third_party()})


def load(name: str) -> Denoiser | Oracle | Recorded:
    """Return the denoiser called ``name``.

    Parameters
    ----------
    name : str
        One of `names` or of `peers`, ``module:function``, ``NAME+ESTIMATOR``, the path of a network's ONNX file,
        ``cmd:PROGRAM {in} {out}`` (see `CommandDenoiser`), ``onnx:FILE`` (`OnnxDenoiser`) or
        ``folder:PATH/{item_id}.wav`` (`RecordedFolder`).

    Raises
    ------
    ValueError
        If there is none, with the valid names; or the package of a peer is not installed.

    Examples
    --------
    >>> load("wiener").spec.causal
    True
    """
    if name in _shipped():
        return _shipped()[name]
    points = _third_party()
    if name in points:
        return _as_denoiser(points[name].load(), name)
    if name in peers():
        peers()[name].require()
        return peers()[name]
    kind, colon, rest = name.partition(":")
    if kind in _ELSEWHERE:
        return _ELSEWHERE[kind](rest, name)
    if name.endswith(".onnx"):
        return load_network(name)
    if colon:
        return _as_denoiser(import_attribute(name), name)
    base, plus, estimator = name.rpartition("+")
    if plus and isinstance(found := _shipped().get(base), Suppressor):
        return found.with_estimator(estimator)
    known = [*names(), *sorted(peers())]
    meant = "".join(f" (did you mean {near}?)" for near in get_close_matches(name, known, n=1))
    raise ValueError(
        f"no denoiser is called {name!r}{meant}; choose from {', '.join(known)}, or give MODULE:FUNCTION"
    )


def module_of(name: str) -> str:
    """Module that the code of a denoiser begins in.

    Parameters
    ----------
    name : str
        As for `load`.

    Examples
    --------
    >>> module_of("wiener-leading"), module_of("wiener+mcra"), module_of("my_package.net:denoise")
    ('percepkit.baselines.wiener', 'percepkit.baselines.wiener', 'my_package.net')
    """
    base = name.rpartition("+")[0] if name not in _with_modules() and "+" in name and ":" not in name else name
    if base in _with_modules():
        return _with_modules()[base][1]
    if name in _third_party():
        return _third_party()[name].module
    if name in peers():
        return peers()[name].process.__module__
    kind, colon, _ = name.partition(":")
    if colon and kind not in _ELSEWHERE and not name.endswith(".onnx"):
        return kind
    return type(load(name)).__module__


def _as_denoiser(found: object, name: str) -> Denoiser | Oracle:
    if isinstance(found, type):
        raise ValueError(f"{name!r} is a class; name a function or an instance")
    if isinstance(found, Denoiser | Oracle):
        return found
    return FunctionDenoiser(found, name)
