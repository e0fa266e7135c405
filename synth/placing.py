"""Putting sounds into rooms: the response that a row of the plan asks for, and what targets keep of it."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from percepkit.audio.files import AudioError, read
from percepkit.audio.resampling import resample
from percepkit.dsp.convolver import Convolver
from percepkit.dsp.rir import c50_db, drr_db, dry_response, early_response, rt60_seconds
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
        self._kept = lru_cache(maxsize=KEPT_ROOMS)(self._unchanged)

    def speech(
        self, heard: np.ndarray, wanted: np.ndarray, row: Mapping[str, Any]
    ) -> tuple[np.ndarray, list[np.ndarray], dict[str, float]]:
        """Speech in its room.

        Parameters
        ----------
        heard, wanted : float32 array, shape (n_samples,)
            Dry speech for the mixture, and for the targets; where they are one array it is convolved once.
        row : mapping
            Of the plan.

        Returns
        -------
        The mixture's speech, each target (``rooms.target`` and ``rooms.also``), and the room's numbers now. The
        target ``reverberant`` of speech that is heard as it is wanted is the mixture's speech itself.
        """
        changes = tuple(row[f"asked_{name}"] for name in ("rt60_seconds", "drr_db", "early_gain"))
        targets = (self._rooms.target, *self._rooms.also)
        parts = tuple(name for name in targets if name != "reverberant")
        place = (row["rir_root"], row["rir_path"], row["rir_channel"])
        if np.isnan(changes).all():
            convolve, numbers = self._kept(*place, parts), {name: row[name] for name in ("rt60", "drr", "c50")}
        else:
            h, rate = self._response(*place, changes, row["rir_key"] if isinstance(row["rir_key"], str) else None)
            numbers = {"rt60": rt60_seconds(h, rate), "drr": drr_db(h, rate), "c50": c50_db(h, rate)}
            convolve = self._convolver(h, rate, parts)
        whole, *kept = convolve(wanted)
        placed = dict(zip(parts, kept, strict=True)) | {"reverberant": whole}
        speech = whole if heard is wanted else convolve(heard)[0]
        return speech, [placed[name] for name in targets], numbers

    def noise(self, dry: np.ndarray, row: Mapping[str, Any]) -> np.ndarray:
        """Noise at another position of the room."""
        return self._kept(row["rir_root"], row["noise_rir_path"], row["noise_rir_channel"], ())(dry)[0]

    def _unchanged(self, root_name: str, path: str, channel: int, targets: tuple[str, ...]) -> Convolver:
        return self._convolver(*self._response(root_name, path, channel), targets)

    def _convolver(self, h: np.ndarray, rate: int, targets: tuple[str, ...]) -> Convolver:
        """The whole response, then what each target keeps of it."""
        kept = [h, *(TARGETS[name](h, rate) for name in targets)]
        return Convolver([resample(k, rate, self._cutter.sample_rate) for k in kept], self._cutter.n_samples)

    def _response(
        self,
        root_name: str,
        path: str,
        channel: int,
        changes: tuple[float, ...] = (np.nan, np.nan, np.nan),
        key: str | None = None,
    ) -> tuple[np.ndarray, int]:
        """A response and its rate: the items', or its own where that is lower, as a pulse there is one sample."""
        file = self._cutter.find(root_name, path)
        h, own_rate = read(file, channel=channel)
        rate = min(own_rate, self._cutter.sample_rate)
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
        return h / np.abs(h).max(), rate
