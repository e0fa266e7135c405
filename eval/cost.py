"""What a denoiser costs: processor time, latency, memory, parameters and operations.

Each denoiser is measured in a process of its own that computes with one thread, and nothing else is run meanwhile.
"""

import math
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from percepkit.baselines import registry
from percepkit.baselines.cost import SIZES, latency_ms, processor_seconds, sizes, speech_in_noise
from percepkit.baselines.denoiser import Denoiser
from percepkit.engine.child import Child, ChildCrashed, ChildError, ChildTimeout
from percepkit.engine.tables import write_table

__all__ = ["COLUMNS", "KIND", "measure_cost", "measure_here", "write_costs"]

KIND = "costs"
COLUMNS = ("denoiser", "sample_rate", "rtf", "latency_ms", "peak_mb", *SIZES, "status", "reason")
TIMEOUT_SECONDS = 300.0
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
        parameters, macs_per_second and file_mb, its attributes of these names, as far as it has them; status
        ``ok``, or why there is no measurement.

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
        rtf, latency_ms, peak_mb, parameters, macs_per_second and file_mb.
    """
    item = speech_in_noise(sample_rate, max(seconds, _SHORT_SECONDS))
    short = {name: stem[: int(_SHORT_SECONDS * sample_rate)] for name, stem in item.items()}
    before = _own_peak_mb()
    denoiser = registry.load(name)
    if not isinstance(denoiser, Denoiser):
        raise ValueError(f"{name!r} is no denoiser that runs alone")
    processor_seconds(denoiser, short, sample_rate)  # compiles, and loads what is loaded late
    rtf = processor_seconds(denoiser, short, sample_rate) / _SHORT_SECONDS
    if rtf < _SLOW_RTF:
        runs = [processor_seconds(denoiser, item, sample_rate) for _ in range(2)]
        rtf = min(runs) * sample_rate / len(item["noisy"])
    return {
        "rtf": rtf,
        "latency_ms": latency_ms(denoiser, sample_rate),
        "peak_mb": _peak_mb(before),
        **sizes(denoiser),
    }


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
