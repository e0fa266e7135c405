"""Cutting both recordings of a ready-made pair, aligned."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from percepkit.audio.resampling import resample_from
from percepkit.dsp.validity import Damage
from percepkit.synth.cutting import Cutter

__all__ = ["PairCutter"]


class PairCutter(Cutter):
    """Cuts the two segments of an item and moves the noisy one onto the clean."""

    def pair(self, row: Mapping[str, Any], *, padded: bool) -> tuple[np.ndarray, np.ndarray, Damage]:
        """Clean and noisy signal of a row of the plan, and what is wrong with the clean recording.

        Parameters
        ----------
        row : mapping
            With speech, noise, pair_place and pair_gain, see `percepkit.synth.pair_plan.draw_pairs`.
        padded : bool
            Let zeros follow where the pair is shorter than an item.

        Returns
        -------
        clean, noisy : float32 array, shape (n_samples,)
            The clean one as it is heard in the noisy: scaled by the gain, with its sign.
        damage : Damage
        """
        clean, noisy = row["speech"][0], row["noise"][0]
        recording = self._read(clean)
        target = self._fit(*recording, clean) * np.float32(row["pair_gain"])
        heard, rate = self._read(noisy)
        length, pace = clean["length"], rate * noisy["speed"]
        mixture = resample_from(heard, row["pair_place"], pace, self.sample_rate, length)
        damage = self._damage([clean], [recording])
        if padded and length < self.n_samples:
            end = np.zeros(self.n_samples - length, np.float32)
            return np.concatenate([target, end]), np.concatenate([mixture, end]), damage
        arrays = (damage.bandwidth_hz, damage.clipped, damage.lost)
        return target, mixture, Damage(*(np.asarray(x)[:length] for x in arrays))
