"""What a denoiser costs: processor time, latency, memory, parameters and operations.

Each denoiser is measured in a process of its own that computes with one thread, and nothing else is run meanwhile.
"""

import math
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.baselines import registry
from percepkit.baselines.denoiser import Denoiser
from percepkit.dsp import draws
from percepkit.engine.child import Child, ChildCrashed, ChildError, ChildTimeout
from percepkit.engine.tables import write_table
from percepkit.eval.score import enhance_item
from percepkit.manifests.demo import demo_folder

__all__ = ["COLUMNS", "KIND", "measure_cost", "measure_here", "write_costs"]

KIND = "costs"
COLUMNS = (
    "denoiser", "sample_rate", "rtf", "latency_ms", "peak_mb", "parameters", "macs_per_second", "status", "reason",
)  # fmt: skip
TIMEOUT_SECONDS = 300.0
SNR_DB = 5.0
_SHORT_SECONDS = 1.0
_SLOW_RTF = 2.0  # slower ones are timed on the short signal only


def measure_cost(
    denoisers: Sequence[str],
    sample_rate: int,
    *,
    seconds: float = 10.0,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Measure denoisers one after another on speech in noise.

    Parameters
    ----------
    denoisers : sequence of str
        Names, see `percepkit.baselines.registry.load`.
    sample_rate : int
        Rate of the signal, in Hz. The time of a resampling to a denoiser's own rate is part of its cost.
    seconds : float
        Length of the signal.
    progress : callable, optional
        Called with the number of denoisers done and to do.

    Returns
    -------
    DataFrame
        One row per denoiser: rtf, processor time over duration, the shorter of two runs after a first one;
        latency_ms of its stream (NaN if it needs the whole signal); peak_mb, memory above that of the process
        without it, or of the programs it runs, in MB (NaN where that is less than the process's own);
        parameters and macs_per_second, its attributes of these names, as far as it has them; status ``ok``, or
        why there is no measurement.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    for name in denoisers:
        registry.load(name)
    rows = []
    for done, name in enumerate(denoisers, 1):
        rows.append(_row(name, sample_rate, seconds))
        if progress:
            progress(done, len(denoisers))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_costs(costs: pd.DataFrame, path: str | Path) -> None:
    """Write the table of `measure_cost`."""
    write_table(costs, path, kind=KIND)


def _row(name: str, sample_rate: int, seconds: float) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
    row |= {"denoiser": name, "sample_rate": sample_rate, "status": "ok", "reason": ""}
    if registry.load(name).spec.needs != "nothing":
        return row | {
            "status": "no_denoiser",
            "reason": "it needs more than a noisy signal",
        }
    with Child(f"{__name__}:measure_here", TIMEOUT_SECONDS) as child:
        try:
            return row | child.call(name=name, sample_rate=sample_rate, seconds=seconds)
        except ChildTimeout as error:
            return row | {"status": "timeout", "reason": str(error)}
        except ChildCrashed as error:
            return row | {"status": "crashed", "reason": str(error)}
        except ChildError as error:
            return row | {"status": "denoiser_failed", "reason": str(error)}


def measure_here(name: str, sample_rate: int, seconds: float) -> dict[str, float]:
    """Measure one denoiser in this process, which should be a fresh one.

    Returns
    -------
    dict
        rtf, latency_ms, peak_mb, parameters and macs_per_second.
    """
    noisy = _noisy(sample_rate, max(seconds, _SHORT_SECONDS))
    short = noisy[: int(_SHORT_SECONDS * sample_rate)]
    before = _own_peak_mb()
    denoiser = registry.load(name)
    if not isinstance(denoiser, Denoiser):
        raise ValueError(f"{name!r} is no denoiser that runs alone")
    _seconds_of(denoiser, short, sample_rate)  # compiles, and loads what is loaded late
    rtf = _seconds_of(denoiser, short, sample_rate) / _SHORT_SECONDS
    if rtf < _SLOW_RTF:
        runs = [_seconds_of(denoiser, noisy, sample_rate) for _ in range(2)]
        rtf = min(runs) * sample_rate / len(noisy)
    return {
        "rtf": rtf,
        "latency_ms": _latency_ms(denoiser, sample_rate),
        "peak_mb": _peak_mb(before),
        "parameters": float(getattr(denoiser, "parameters", math.nan)),
        "macs_per_second": float(getattr(denoiser, "macs_per_second", math.nan)),
    }


def _noisy(sample_rate: int, seconds: float) -> np.ndarray:
    """Speech of the embedded corpus, repeated, in white noise."""
    path = sorted((demo_folder() / "speech").rglob("*.flac"))[0]
    speech, rate = read(path, channel=0)
    n_samples = int(seconds * sample_rate)
    speech = np.resize(resample(speech, rate, sample_rate), n_samples).astype(np.float64)
    noise = draws.normal_samples(draws.key_of("cost"), n_samples)
    gain = np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * 10 ** (-SNR_DB / 20)
    noisy: np.ndarray = (speech + gain * noise).astype(np.float32)
    return noisy


def _seconds_of(denoiser: Denoiser, noisy: np.ndarray, sample_rate: int) -> float:
    """Processor time of one run, that of programs it starts included."""
    started = _processor_seconds()
    enhance_item(denoiser, {"noisy": noisy}, sample_rate)
    return _processor_seconds() - started


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _peak_mb(before: float) -> float:
    """Memory of the programs that were run, or else what this process took since it held ``before``."""
    own, programs = _own_peak_mb(), _most_mb(resource.RUSAGE_CHILDREN)
    if not programs:
        return own - before
    return programs if programs > own else math.nan  # a program's count starts at ours: less is not told


def _own_peak_mb() -> float:
    """Most memory that this process held so far."""
    try:  # getrusage would count what the parent held when it started us
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return float(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    except (OSError, IndexError):
        return _most_mb(resource.RUSAGE_SELF)


def _most_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def _latency_ms(denoiser: Denoiser, sample_rate: int) -> float:
    rates = denoiser.spec.native_sample_rates
    rate = sample_rate if rates is None else min(rates, key=lambda own: abs(own - sample_rate))
    latency = 1000 * denoiser.latency_samples(rate) / rate
    return latency if denoiser.spec.causal or latency else math.nan
