"""Putting sounds into rooms: the response that a row of the plan asks for, and what targets keep of it."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from percepkit.audio.files import AudioError, read
from percepkit.audio.resampling import resample
from percepkit.dsp.convolver import Convolver
from percepkit.dsp.rir import dry_response, early_response
from percepkit.dsp.rir_augment import direct_response, scale_early, set_drr, set_rt60, shape_decay
from percepkit.synth.cutting import Cutter
from percepkit.synth.recipe import Rooms

__all__ = ["Placer"]

KEPT_ROOMS = 32  # whose spectra a renderer keeps
TARGETS: Mapping[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "dry": dry_response,
    "direct": direct_response,
    "early": early_response,
    "decay": shape_decay,
    "reverberant": lambda h, sample_rate: h,
}


class Placer:
    """Convolves with rooms and keeps the spectra of those used last.

    Parameters
    ----------
    rooms : Rooms
        Section of the recipe.
    cutter : Cutter
        Knows where files lie, and the items' length and sample rate.
    """

    def __init__(self, rooms: Rooms, cutter: Cutter) -> None:
        self._rooms, self._cutter = rooms, cutter
        self._kept = lru_cache(maxsize=KEPT_ROOMS)(self._convolver)

    def speech(self, dry: np.ndarray, row: Mapping[str, Any]) -> list[np.ndarray]:
        """Speech in its room, then each target: ``rooms.target`` and ``rooms.also``."""
        changes = tuple(row[f"asked_{name}"] for name in ("rt60_seconds", "drr_db", "early_gain"))
        names = (self._rooms.target, *self._rooms.also)
        key = row["rir_key"] if isinstance(row["rir_key"], str) else None
        place = (row["rir_root"], row["rir_path"], row["rir_channel"])
        if np.isnan(changes).all():
            return self._kept(*place, names)(dry)
        return self._convolver(*place, names, changes, key)(dry)

    def noise(self, dry: np.ndarray, row: Mapping[str, Any]) -> np.ndarray:
        """Noise at another position of the room."""
        return self._kept(row["rir_root"], row["noise_rir_path"], row["noise_rir_channel"], ())(dry)[0]

    def _convolver(
        self,
        root_name: str,
        path: str,
        channel: int,
        targets: tuple[str, ...],
        changes: tuple[float, float, float] = (np.nan, np.nan, np.nan),
        key: str | None = None,
    ) -> Convolver:
        """The whole response, then what each target keeps of it."""
        rate = self._cutter.sample_rate
        file = self._cutter.find(root_name, path)
        h, own_rate = read(file, channel=channel)
        h = resample(h, own_rate, rate).astype(np.float64)
        if not h.any():
            raise AudioError("silent", file, "this room impulse response is silent")
        rt60, drr, early = changes
        if np.isfinite(rt60):
            h = set_rt60(h, rate, rt60, int(key or "0", 16))[0]
        if np.isfinite(drr):
            h = set_drr(h, rate, drr)[0]
        if np.isfinite(early):
            h = scale_early(h, rate, early)
        h = h / np.abs(h).max()
        return Convolver([h, *(TARGETS[name](h, rate) for name in targets)], self._cutter.n_samples)
