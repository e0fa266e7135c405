"""What a metric is, which metrics there are, and scoring one estimate with several of them."""

import importlib
import math
import pkgutil
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol

import numpy as np

import percepkit.eval.metrics as _here
from percepkit.eval.metrics._extra import missing_packages
from percepkit.eval.metrics._outcome import STATUSES, Outcome, Unscorable, failed

__all__ = [
    "HEADLINE",
    "STATUSES",
    "Metric",
    "MetricSpec",
    "Outcome",
    "Panel",
    "Unscorable",
    "checked_estimate",
    "checked_noise",
    "checked_reference",
    "failed",
    "installed",
    "load",
    "load_installed",
    "names",
    "score_all",
]

#: Scored unless asked otherwise: what most articles report.
HEADLINE = ("pesq_wb", "pesq_nb", "stoi", "estoi", "si_sdr")


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """What a metric module says about the values it gives; mappings are keyed by the names.

    Attributes
    ----------
    names : tuple of str
        Names of the values, which become rows of a score table. Names that cost a run of their own belong
        in modules of their own: a module always computes all of its names.
    version : str
        Changes whenever the same signals could give another value; names the backend if there is one.
    summary, source : str
        One line on what is measured and how, and the publication that defines it.
    unit : mapping of str
        Unit of each value, ``"1"`` for plain numbers.
    range : mapping of (float, float)
        Smallest and largest value by definition.
    better : {"higher", "lower"}
    needs : {"reference", "nothing", "noise", "room", "gains"}
        What a score is computed from besides the estimate; ``"nothing"`` means that only the reference's length is
        looked at; ``"noise"`` the reference and the noise, which `Metric.prepare` is then handed as the keyword
        ``noise``; ``"room"`` the speech with its room and without it, keywords ``speech`` and ``dry``; ``"gains"``
        what the denoiser did to the spectrum, which `Metric.score` is handed as the keyword ``shadow``.
    invariances : frozenset of str
        What may be done to the estimate without changing its value: ``"gain"``, ``"polarity"``.
    packages : tuple of str
        Modules that must be importable and that only the extra ``learned`` brings.
    """

    names: tuple[str, ...]
    version: str
    summary: str
    source: str
    unit: Mapping[str, str]
    range: Mapping[str, tuple[float, float]]
    better: Literal["higher", "lower"] = "higher"
    needs: Literal["reference", "nothing", "noise", "room", "gains"] = "reference"
    invariances: frozenset[str] = frozenset()
    packages: tuple[str, ...] = ()


class Metric(Protocol):
    """A metric: a module (or any object) with a spec and two functions, both raising `Unscorable`."""

    SPEC: MetricSpec

    def prepare(self, reference: np.ndarray, sample_rate: int, **stems: np.ndarray) -> Any:
        """Do once what depends on the reference, and on the noise if the spec asks for it, only."""

    def score(self, state: Any, estimate: np.ndarray, **shadow: Any) -> dict[str, float]:
        """Score one estimate against the prepared reference."""


@cache
def _registry() -> Mapping[str, Metric]:
    """Metrics by value name: every module here without a leading underscore, then installed entry points."""
    found: dict[str, Metric] = {}
    modules: list[Any] = [
        importlib.import_module(f"{_here.__name__}.{module.name}")
        for module in pkgutil.iter_modules(_here.__path__)
        if not module.name.startswith("_")
    ]
    modules += [point.load() for point in entry_points(group="percepkit.metrics")]
    for metric in modules:
        for name in metric.SPEC.names:
            if name in found:
                raise ValueError(f"two metrics are named {name!r}: rename the one that is not part of percepkit")
            found[name] = metric
    return found


def names() -> list[str]:
    """Names of all metrics, sorted.

    Examples
    --------
    >>> {"pesq_wb", "si_sdr"} <= set(names())
    True
    """
    return sorted(_registry())


def load(name: str) -> Metric:
    """Find the metric that computes a named value.

    Raises
    ------
    ValueError
        If there is no such metric; lists the valid names.

    Examples
    --------
    >>> load("si_sdr").SPEC.unit
    {'si_sdr': 'dB'}
    """
    if name not in _registry():
        raise ValueError(f"unknown metric {name!r}; valid ones: {', '.join(names())}")
    return _registry()[name]


def installed() -> list[str]:
    """Names of the metrics whose packages are all there, sorted; see `names` for the others too.

    Examples
    --------
    >>> set(installed()) <= set(names())
    True
    """
    return [name for name in names() if not missing_packages(load(name).SPEC.packages)]


def load_installed(name: str) -> Metric:
    """Find the metric that computes a named value and that can be computed here.

    Raises
    ------
    ValueError
        If there is no such metric, or if it needs packages that are not installed; names the extra.
    """
    metric = load(name)
    missing = missing_packages(metric.SPEC.packages)
    if missing:
        raise ValueError(
            f"the metric {name} needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
            f"installed; install percepkit with its extra: pip install 'percepkit[learned]'"
        )
    return metric


def _checked(signal: np.ndarray, what: str) -> np.ndarray:
    """Return the signal as float64 after the checks that every metric needs."""
    signal = np.asarray(signal, dtype=np.float64)
    _require_one_channel(signal, what)
    if not np.isfinite(signal).all():
        raise Unscorable("nonfinite", f"the {what} holds NaN or an infinity")
    if not signal.any():
        raise Unscorable(f"silent_{what}", f"all {len(signal)} samples of the {what} are zero")
    return signal


def _require_one_channel(signal: np.ndarray, what: str) -> None:
    if np.ndim(signal) != 1:
        raise ValueError(f"the {what} must have the shape [n_samples], got {np.shape(signal)}: score one channel")


def checked_reference(reference: np.ndarray) -> np.ndarray:
    """Return a reference as float64, or raise `Unscorable` if no metric can use it."""
    return _checked(reference, "reference")


def checked_noise(noise: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the noise of a mixture as float64, or raise `Unscorable` if no metric can use it."""
    _require_one_channel(noise, "noise")
    if len(noise) != n_samples:
        raise Unscorable("length_mismatch", f"the noise has {len(noise)} samples, the reference {n_samples}")
    return _checked(noise, "noise")


def checked_estimate(estimate: np.ndarray, n_samples: int) -> np.ndarray:
    """Return an estimate as float64, or raise `Unscorable` if no metric can use it.

    Examples
    --------
    >>> checked_estimate(np.ones(3), 4)
    Traceback (most recent call last):
    percepkit.eval.metrics._outcome.Unscorable: length_mismatch: the estimate has 3 samples, the reference 4
    """
    _require_one_channel(estimate, "estimate")
    if len(estimate) != n_samples:
        reason = f"the estimate has {len(estimate)} samples, the reference {n_samples}"
        raise Unscorable("length_mismatch", reason)
    return _checked(estimate, "estimate")


class Panel:
    """Several metrics, prepared for one reference, that score any number of estimates.

    Parameters
    ----------
    metrics : iterable of str
        Names of the wanted values.
    reference : float array, shape (n_samples,)
        What the estimates should equal.
    sample_rate : int
        Hz.
    noise : float array, shape (n_samples,), optional
        The noise as it stands in the mixture; without it the metrics that need it have the status ``no_noise``.
    room : mapping of float array, shape (n_samples,), optional
        ``speech`` as it stands in the mixture, and ``dry``, as the direct path of its room brings it; without them
        the metrics that need a room have the status ``no_room``.

    Examples
    --------
    >>> panel = Panel(["si_sdr"], np.array([1.0, 1.0, 0.0]), 16_000)
    >>> round(panel.score(np.array([1.0, 1.0, 1.0]))["si_sdr"].value, 3)
    3.01
    >>> panel.score(np.zeros(3))["si_sdr"].status
    'silent_estimate'
    """

    def __init__(
        self,
        metrics: Iterable[str],
        reference: np.ndarray,
        sample_rate: int,
        *,
        noise: np.ndarray | None = None,
        room: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        _require_one_channel(reference, "reference")
        self._wanted: dict[int, tuple[Metric, list[str]]] = {}
        for name in metrics:
            metric = load_installed(name)
            self._wanted.setdefault(id(metric), (metric, []))[1].append(name)
        self._states: dict[int, Any] = {}
        for key, (metric, _) in self._wanted.items():
            try:
                self._states[key] = _prepared(metric, reference, sample_rate, noise, room)
            except Exception as error:  # a metric of a third party may raise anything
                self._states[key] = error

    def score(
        self, estimate: np.ndarray, *, shadow: Any = None, only: Collection[str] | None = None
    ) -> dict[str, Outcome]:
        """Score one estimate; whatever a metric raises becomes the outcome of its names.

        Parameters
        ----------
        estimate : float array, shape (n_samples,)
        shadow : Shadow or Exception, optional
            What metrics that need the gains are handed, or why there is none.
        only : collection of str, optional
            Names to leave it at.
        """
        _require_one_channel(estimate, "estimate")
        outcomes: dict[str, Outcome] = {}
        for key, (metric, names) in self._wanted.items():
            wanted = names if only is None else [name for name in names if name in only]
            if wanted:
                outcomes |= _outcomes(metric, wanted, self._states[key], estimate, shadow)
        return outcomes


def _prepared(
    metric: Metric,
    reference: np.ndarray,
    sample_rate: int,
    noise: np.ndarray | None,
    room: Mapping[str, np.ndarray] | None,
) -> Any:
    if metric.SPEC.needs == "room":
        if room is None:
            reason = "no room, or no dry speech: render with `target: dry` or `also: [dry]` in `rooms`"
            raise Unscorable("no_room", reason)
        return metric.prepare(reference, sample_rate, **room)
    if metric.SPEC.needs != "noise":
        return metric.prepare(reference, sample_rate)
    if noise is None:
        raise Unscorable("no_noise", "the item has no stem of the noise")
    return metric.prepare(reference, sample_rate, noise=noise)


def _outcomes(
    metric: Metric, wanted: list[str], state: Any, estimate: np.ndarray, shadow: Any
) -> dict[str, Outcome]:
    started = time.perf_counter()
    try:
        for problem in (state, shadow if metric.SPEC.needs == "gains" else None):
            if isinstance(problem, Exception):
                raise problem
        values = metric.score(state, estimate, **({"shadow": shadow} if metric.SPEC.needs == "gains" else {}))
    except Unscorable as error:
        return dict.fromkeys(wanted, failed(error.status, error.reason, seconds=_share(started, wanted)))
    except Exception as error:  # as above
        reason = f"{type(error).__name__}: {error}"
        return dict.fromkeys(wanted, failed("backend_error", reason, seconds=_share(started, wanted)))
    seconds = _share(started, wanted)
    return {name: _outcome(values[name], seconds) for name in wanted}


def _share(started: float, wanted: list[str]) -> float:
    return (time.perf_counter() - started) / len(wanted)


def _outcome(value: float, seconds: float) -> Outcome:
    if math.isfinite(value):
        return Outcome(float(value), seconds=seconds)
    status = "infinite" if math.isinf(value) else "backend_error"
    return failed(status, f"the metric returned {value}", seconds=seconds)


def score_all(
    metrics: Iterable[str],
    reference: np.ndarray,
    estimate: np.ndarray,
    sample_rate: int,
    *,
    noise: np.ndarray | None = None,
) -> dict[str, Outcome]:
    """Score one estimate with several metrics.

    Parameters
    ----------
    metrics : iterable of str
        Names, see `names`.
    reference, estimate : float array, shape (n_samples,)
        Time-aligned signals at the same sample rate.
    sample_rate : int
        Hz.
    noise : float array, shape (n_samples,), optional
        The noise as it stands in the mixture, which some metrics need.

    Returns
    -------
    dict of Outcome
        One outcome per name; nothing is raised for signals that cannot be scored.

    Examples
    --------
    >>> score_all(["si_sdr"], np.array([1.0, 1.0, 0.0]), np.array([1.0, 1.0]), 16_000)["si_sdr"].status
    'length_mismatch'
    """
    return Panel(metrics, reference, sample_rate, noise=noise).score(estimate)
