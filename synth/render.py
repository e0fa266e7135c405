"""Rendering: from a row of the plan and the source audio to the stems of one item. Nothing is drawn here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft

from percepkit.audio.files import AudioError, read
from percepkit.audio.resampling import resample
from percepkit.dsp.level import active_level_dbfs, rms_dbfs
from percepkit.dsp.noise import babble, generate
from percepkit.dsp.percepnet import Settings, Targets, compute_targets
from percepkit.dsp.rir import dry_response, early_response
from percepkit.dsp.stft import analyse
from percepkit.dsp.validity import Damage, clipped_samples, lost_samples, silence_floor
from percepkit.manifests.table import resolve
from percepkit.synth.recipe import Recipe

__all__ = ["Rendered", "Renderer"]

FADE_SECONDS = 0.005  # at the ends of every utterance
SILENCE_DBFS = -100.0


@dataclass(frozen=True, eq=False)
class Rendered:
    """One item.

    Attributes
    ----------
    noisy, clean, speech, noise : float32 array, shape (n_samples,)
        ``noisy = speech + noise``; ``clean`` is what a denoiser should output: the speech as it stands in the
        mix, or with a room its dry or early part, aligned with it.
    measured : dict
        What was measured on these stems, see `percepkit.synth.corpus`.
    analysis : Settings
        Of the targets.
    damage : Damage
        Of the recordings that the clean speech was cut from; looked for where the recipe has targets.
    """

    noisy: np.ndarray
    clean: np.ndarray
    speech: np.ndarray
    noise: np.ndarray
    sample_rate: int
    measured: dict[str, float] = field(default_factory=dict)
    analysis: Settings = field(default_factory=Settings)
    damage: Damage = field(default_factory=Damage)

    @cached_property
    def percepnet(self) -> Targets:
        """Gains and strengths, computed once for all targets that need them."""
        return compute_targets(
            self.clean, self.noisy, self.sample_rate, settings=self.analysis, damage=self.damage
        )

    @cached_property
    def spectra(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Spectra of clean, of what else is in the noisy signal, and of noisy; complex64, shape (frames, bins)."""
        hop = self.analysis.hop(self.sample_rate)
        clean, noisy = analyse(self.clean, hop), analyse(self.noisy, hop)
        return clean, noisy - clean, noisy

    @cached_property
    def bins_valid(self) -> np.ndarray:
        """Where a bin is neither damaged nor silent in the noisy signal; bool array, shape (frames, bins)."""
        hop = self.analysis.hop(self.sample_rate)
        centre_hz = np.arange(hop + 1) * (self.sample_rate / (2 * hop))
        sound = np.abs(self.spectra[2]) ** 2 > silence_floor(1, hop)
        return sound & (self.damage.flags(len(self.clean), hop, centre_hz) == 0)


class Renderer:
    """Renders rows of one recipe's plan; keeps the spectra of the rooms it has used.

    Parameters
    ----------
    recipe : Recipe
    roots : mapping of root name to folder
        Where the files of each manifest lie now.

    Examples
    --------
    ``Renderer(recipe, roots)(plan.iloc[7])`` renders item 7 as it stands in the corpus.
    """

    def __init__(self, recipe: Recipe, roots: Mapping[str, Path]) -> None:
        self.recipe = recipe
        self._find = lru_cache(maxsize=10_000)(partial(resolve, dict(roots)))
        self._room = lru_cache(maxsize=32)(self._read_room)

    def __call__(self, row: Mapping[str, Any]) -> Rendered:
        """Render one row.

        Raises
        ------
        AudioError
            If a source cannot be read, holds NaN, or is silent where the plan cuts it.
        """
        dry, damage = self._speech(row["speech"])
        speech, clean = self._place(dry, row)
        noise = self._noise(row)
        return replace(self._mix(speech, clean, noise, row), analysis=self.recipe.analysis, damage=damage)

    def _speech(self, segments: list[dict[str, Any]]) -> tuple[np.ndarray, Damage]:
        out = np.zeros(self.recipe.n_samples, np.float32)
        recordings = [self._read(segment) for segment in segments]
        for segment, recording in zip(segments, recordings, strict=True):
            x = self._fit(*recording, segment)
            fade = min(int(FADE_SECONDS * self.recipe.sample_rate), len(x) // 4)
            ramp = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / max(fade, 1)).astype(np.float32) ** 2
            x[:fade] *= ramp
            x[len(x) - fade :] *= ramp[::-1]
            out[segment["at"] : segment["at"] + len(x)] += x
        return out, self._damage(segments, recordings) if self.recipe.targets else Damage()

    def _damage(self, segments: list[dict[str, Any]], recordings: list[tuple[np.ndarray, int]]) -> Damage:
        n, rate = self.recipe.n_samples, self.recipe.sample_rate
        bandwidth_hz = np.full(n, np.inf, np.float32)
        clipped, lost = np.zeros((2, n), bool)
        for segment, (x, own_rate) in zip(segments, recordings, strict=True):
            place = slice(segment["at"], segment["at"] + segment["length"])
            source = np.minimum(np.arange(segment["length"]) * own_rate // rate, len(x) - 1)
            bandwidth_hz[place] = segment["bandwidth_hz"]
            clipped[place] |= clipped_samples(x)[source]
            lost[place] |= lost_samples(x, own_rate)[source]
        return Damage(bandwidth_hz, clipped, lost)

    def _noise(self, row: Mapping[str, Any]) -> np.ndarray:
        recipe = self.recipe
        if isinstance(row["generated"], str):
            key = int(row["noise_key"], 16)
            if row["generated"] == "babble":
                voices = [self._cut(segment) for segment in row["noise"]]
                x = babble(voices, recipe.n_samples, recipe.sample_rate, key)
            else:
                x = generate(row["generated"], recipe.n_samples, recipe.sample_rate, key, {})
            return x.astype(np.float32)
        out = np.zeros(recipe.n_samples, np.float32)
        end = 0
        for segment in row["noise"]:
            x = self._cut(segment)
            overlap = max(end - segment["at"], 0)
            # Equal power: the passes of a loop are uncorrelated where they join.
            phase = np.pi / 2 * (np.arange(overlap) + 0.5) / max(overlap, 1)
            x[:overlap] *= np.sin(phase).astype(np.float32)
            out[segment["at"] : end] *= np.cos(phase).astype(np.float32)
            out[segment["at"] : segment["at"] + len(x)] += x
            end = segment["at"] + len(x)
        return out

    def _cut(self, segment: dict[str, Any]) -> np.ndarray:
        return self._fit(*self._read(segment), segment)

    def _read(self, segment: dict[str, Any]) -> tuple[np.ndarray, int]:
        path = self._find(segment["root_name"], segment["path"])
        return read(path, start=segment["start"], frames=segment["frames"], channel=segment["channel"])

    def _fit(self, recorded: np.ndarray, rate: int, segment: dict[str, Any]) -> np.ndarray:
        x = resample(recorded, rate, self.recipe.sample_rate)[: segment["length"]]
        out = np.zeros(segment["length"], np.float32)
        out[: len(x)] = x
        return out

    def _place(self, dry: np.ndarray, row: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Put the speech into its room: the stem in the mix, and the target."""
        if not isinstance(row["rir_path"], str):  # None in a fresh plan, NaN in one read from Parquet
            return dry, dry
        n_fft, responses = self._room(row["rir_root"], row["rir_path"], row["rir_channel"])
        spectrum = scipy.fft.rfft(dry, n_fft)
        placed = [scipy.fft.irfft(spectrum * response, n_fft)[: len(dry)] for response in responses]
        return placed[0], placed[-1]

    def _read_room(self, root_name: str, path: str, channel: int) -> tuple[int, list[np.ndarray]]:
        """FFT length and spectra: of the whole response and, where it differs, of what the target keeps."""
        recipe = self.recipe
        file = self._find(root_name, path)
        h, rate = read(file, channel=channel)
        h = resample(h, rate, recipe.sample_rate).astype(np.float64)
        if not h.any():
            raise AudioError("silent", file, "this room impulse response is silent")
        responses = [h]
        if recipe.rooms and recipe.rooms.target == "dry":
            responses.append(dry_response(h, recipe.sample_rate))
        elif recipe.rooms and recipe.rooms.target == "early":
            responses.append(early_response(h, recipe.sample_rate))
        n_fft = scipy.fft.next_fast_len(recipe.n_samples + max(map(len, responses)) - 1, real=True)
        return n_fft, [scipy.fft.rfft(r / np.abs(h).max(), n_fft).astype(np.complex64) for r in responses]

    def _mix(self, speech: np.ndarray, clean: np.ndarray, noise: np.ndarray, row: Mapping[str, Any]) -> Rendered:
        recipe = self.recipe
        speech_db, noise_db = self._speech_level(speech), rms_dbfs(noise)
        for name, level, segments in (
            ("speech", speech_db, row["speech"]),
            ("noise", noise_db, row["noise"]),
        ):
            if level < SILENCE_DBFS:
                where = segments[0]["path"] if len(segments) else row["generated"]
                raise AudioError("silent", where, f"the {name} that the plan cuts from it is silent")
        noise = noise * np.float32(10 ** ((speech_db - noise_db - row["snr_db"]) / 20))
        mix = speech + noise
        gain = 10 ** ((row["level_dbfs"] - rms_dbfs(mix)) / 20)
        peak = gain * max(float(max(x.max(), -x.min())) for x in (mix, speech, noise, clean))
        guard = min(1.0, recipe.peak_limit / peak)
        scale = np.float32(gain * guard)
        alone = clean is speech
        speech, noise = speech * scale, noise * scale
        clean = speech if alone else clean * scale
        noisy = speech + noise
        speech_dbfs, noise_dbfs = rms_dbfs(speech), rms_dbfs(noise)
        active = recipe.snr_kind == "active"
        measured = {
            "snr_realised_db": (self._speech_level(speech) if active else speech_dbfs) - noise_dbfs,
            "level_realised_dbfs": rms_dbfs(noisy),
            "speech_dbfs": speech_dbfs,
            "noise_dbfs": noise_dbfs,
            "peak": peak * guard,
            "guard_db": 20 * float(np.log10(guard)),
        }
        return Rendered(noisy, clean, speech, noise, recipe.sample_rate, measured)

    def _speech_level(self, speech: np.ndarray) -> float:
        """Level in dBFS that the SNR refers to, see `Recipe.snr_kind`."""
        if self.recipe.snr_kind == "active":
            return active_level_dbfs(speech, self.recipe.sample_rate)[0]
        return rms_dbfs(speech)
