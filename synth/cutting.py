"""Cutting the sources of an item from their files and laying them out in time."""

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.dsp.noise import babble, generate, parse_noise
from percepkit.dsp.validity import Damage, clipped_samples, lost_samples
from percepkit.manifests.table import resolve

__all__ = ["Cutter"]

FADE_SECONDS = 0.005  # at the ends of every utterance and event
Segment = Mapping[str, Any]


class Cutter:
    """Cuts segments, as a plan lists them, to signals of one length and sample rate.

    Parameters
    ----------
    sample_rate, n_samples : int
        Of the items.
    roots : mapping of root name to folder
    """

    def __init__(self, sample_rate: int, n_samples: int, roots: Mapping[str, Path]) -> None:
        self.sample_rate, self.n_samples = sample_rate, n_samples
        self.find = lru_cache(maxsize=10_000)(partial(resolve, dict(roots)))

    def speech(self, segments: list[Segment], *, with_damage: bool) -> tuple[np.ndarray, Damage]:
        """Utterances one after another, and with ``with_damage`` what is wrong with their recordings."""
        out = np.zeros(self.n_samples, np.float32)
        recordings = [self._read(segment) for segment in segments]
        for segment, recording in zip(segments, recordings, strict=True):
            self._add_faded(out, self._fit(*recording, segment), segment["at"])
        return out, self._damage(segments, recordings) if with_damage else Damage()

    def noise(self, layer: Mapping[str, Any]) -> np.ndarray:
        """A background noise or a layer, as the plan drew it; float32."""
        n, rate = self.n_samples, self.sample_rate
        if layer["noise_kind"] == "events":
            out = np.zeros(n, np.float32)
            for segment in layer["noise"]:
                self._add_faded(out, self._cut(segment), segment["at"])
            return out
        if layer["noise_kind"] == "file":
            return self._joined(layer["noise"])
        key = int(layer["noise_key"], 16)
        if layer["noise_kind"] == "talkers" or layer["generated"] == "babble":
            return babble([self._cut(voice) for voice in layer["noise"]], n, rate, key).astype(np.float32)
        kind, parameters = parse_noise(layer["generated"])
        return generate(kind, n, rate, key, parameters).astype(np.float32)

    def _add_faded(self, out: np.ndarray, x: np.ndarray, at: int) -> None:
        fade = min(int(FADE_SECONDS * self.sample_rate), len(x) // 4)
        ramp = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / max(fade, 1)).astype(np.float32) ** 2
        x[:fade] *= ramp
        x[len(x) - fade :] *= ramp[::-1]
        out[at : at + len(x)] += x

    def _joined(self, segments: list[Segment]) -> np.ndarray:
        out = np.zeros(self.n_samples, np.float32)
        end = 0
        for segment in segments:
            x = self._cut(segment)
            overlap = max(end - segment["at"], 0)
            # Equal power: the passes of a loop are uncorrelated where they join.
            phase = np.pi / 2 * (np.arange(overlap) + 0.5) / max(overlap, 1)
            x[:overlap] *= np.sin(phase).astype(np.float32)
            out[segment["at"] : end] *= np.cos(phase).astype(np.float32)
            out[segment["at"] : segment["at"] + len(x)] += x
            end = segment["at"] + len(x)
        return out

    def _cut(self, segment: Segment) -> np.ndarray:
        return self._fit(*self._read(segment), segment)

    def _read(self, segment: Segment) -> tuple[np.ndarray, int]:
        path = self.find(segment["root_name"], segment["path"])
        return read(path, start=segment["start"], frames=segment["frames"], channel=segment["channel"])

    def _fit(self, recorded: np.ndarray, rate: int, segment: Segment) -> np.ndarray:
        x = resample(recorded, rate * (segment.get("speed") or 1.0), self.sample_rate)[: segment["length"]]
        if len(x) == segment["length"]:
            return x
        out = np.zeros(segment["length"], np.float32)
        out[: len(x)] = x
        return out

    def _damage(self, segments: list[Segment], recordings: list[tuple[np.ndarray, int]]) -> Damage:
        bandwidth_hz = np.full(self.n_samples, np.inf, np.float32)
        clipped, lost = np.zeros((2, self.n_samples), bool)
        for segment, (x, rate) in zip(segments, recordings, strict=True):
            place = slice(segment["at"], segment["at"] + segment["length"])
            pace = rate * segment["speed"] / self.sample_rate
            source = np.minimum((np.arange(segment["length"]) * pace).astype(np.int64), len(x) - 1)
            bandwidth_hz[place] = segment["bandwidth_hz"]
            clipped[place] |= clipped_samples(x)[source]
            lost[place] |= lost_samples(x, rate)[source]
        return Damage(bandwidth_hz, clipped, lost)
