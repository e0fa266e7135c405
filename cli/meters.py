"""Live meters on standard error while a denoiser works: levels, attenuation, real-time factor."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

if TYPE_CHECKING:
    import numpy as np

    from percepkit.baselines.meter import Reading

__all__ = ["Meters", "live_meters"]

LOWEST_DB, HIGHEST_DB = -60.0, 0.0  # ends of the level bars
CELLS = 12
REALTIME = 1.0  # a factor above it cannot keep up


class _Needles(ProgressColumn):
    """Two level bars and two numbers."""

    def render(self, task: Task) -> Text:
        reading: Reading | None = task.fields["reading"]
        if reading is None:
            return Text("")
        text = Text("in ") + _level(reading.input_db) + Text("  out ") + _level(reading.output_db)
        text.append(f"  attenuation {reading.attenuation_db:4.1f} dB")
        text.append(
            f"  {reading.real_time_factor:.3f} of real time",
            style="red" if reading.real_time_factor > REALTIME else "",
        )
        return text


def _level(level_db: float) -> Text:
    """Bar from -60 to 0 dB and the number, red above -3 dB."""
    filled = round(CELLS * (min(max(level_db, LOWEST_DB), HIGHEST_DB) - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB))
    text = Text("━" * filled, style="red" if level_db > -3 else "green")
    text.append("━" * (CELLS - filled), style="bar.back")
    return text.append(f" {level_db:6.1f} dB", style="default")


class Meters:
    """What is shown; made by `live_meters`."""

    def __init__(self, progress: Progress, label: str, total_seconds: float | None, *, by_count: bool) -> None:
        from percepkit.baselines.meter import Meter

        self._progress, self._by_count = progress, by_count
        self._meter = Meter()
        self._task = progress.add_task(label, total=total_seconds, reading=None)

    def on_block(self, noisy: "np.ndarray", enhanced: "np.ndarray", sample_rate: int, work_seconds: float) -> None:
        """Show a block; see `percepkit.baselines.meter.OnBlock`."""
        self._meter(noisy, enhanced, sample_rate, work_seconds)
        reading = self._meter.reading
        completed = None if self._by_count else reading.seconds
        self._progress.update(self._task, completed=completed, reading=reading)

    def on_progress(self, finished: int, total: int) -> None:
        """Show how many files of a folder are finished."""
        self._progress.update(self._task, completed=finished, total=total)


@contextmanager
def live_meters(
    label: str, *, quiet: bool, total_seconds: float | None = None, by_count: bool = False
) -> Iterator[Meters]:
    """Meters on standard error for as long as the context lasts.

    Parameters
    ----------
    label : str
        What stands before them.
    quiet : bool
        Show nothing.
    total_seconds : float, optional
        Length of the audio, for the bar.
    by_count : bool
        The bar counts files, see `Meters.on_progress`, and not seconds.
    """
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), _Needles())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        yield Meters(progress, label, total_seconds, by_count=by_count)
