"""Rendering: from a row of the plan and the source audio to the stems of one item. Nothing is drawn here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.audio.files import AudioError
from percepkit.audio.resampling import resample
from percepkit.dsp.level import rms_dbfs
from percepkit.dsp.snr import noise_gain, realised_snr_db, trajectory_gain
from percepkit.dsp.validity import Damage
from percepkit.synth.degradations._interface import Degraded, energy_ratio_db
from percepkit.synth.degradations.band_limit import BandLimit
from percepkit.synth.degradations.registry import load
from percepkit.synth.noise_plan import COURSE_SECONDS
from percepkit.synth.pair_cutting import PairCutter
from percepkit.synth.placing import Placer
from percepkit.synth.recipe import Recipe
from percepkit.synth.rendered import Rendered

__all__ = ["Renderer", "Watch"]

#: Called with the name of a stage and its signal, which later stages may write over: keep copies.
Watch = Callable[[str, np.ndarray], None]

SILENCE_DBFS = -100.0
ALONE_DBFS = -20.0  # of noise without speech, before the item's level is set
FULL_BAND = 0.95  # of the Nyquist frequency: speech that reaches it is not limited


@dataclass
class _Parts:
    """An item on its way: what the mixture hears of the speech, what the target does, and further targets."""

    speech: np.ndarray
    clean: np.ndarray
    also: dict[str, np.ndarray] = field(default_factory=dict)
    damage: Damage = field(default_factory=Damage)
    room: dict[str, float] = field(default_factory=dict)


class Renderer:
    """Renders rows of one recipe's plan; keeps the spectra of the rooms it has used.

    Parameters
    ----------
    recipe : Recipe
    roots : mapping of root name to folder
        Where the files of each manifest lie now.
    watch : callable, optional
        Looks at an item on its way. The stages are ``speech`` as cut, ``speech KIND`` after each degradation and
        ``speech placed`` as the mixture hears it; ``noise``, ``noise room``, ``noise KIND`` and, at its SNR,
        ``noise gained``; ``layer NAME``; ``noisy`` with the item's level and ``noisy KIND``.

    Examples
    --------
    ``Renderer(recipe, roots)(plan.iloc[7])`` renders item 7 as it stands in the corpus.
    """

    def __init__(
        self, recipe: Recipe, roots: Mapping[str, Path], *, watch: Watch = lambda stage, signal: None
    ) -> None:
        self.recipe, self._watch = recipe, watch
        self._cutter = PairCutter(recipe.sample_rate, recipe.n_samples, roots)
        self._placer = Placer(recipe.rooms, self._cutter) if recipe.rooms else None
        sounds = (*([] if recipe.noise is None else [recipe.noise]), *recipe.layers.values())
        self._looks_for_damage = bool(recipe.targets) or any(sound.match_band for sound in sounds)

    def __call__(self, row: Mapping[str, Any]) -> Rendered:
        """Render one row.

        Raises
        ------
        AudioError
            If a source cannot be read, holds NaN, or is silent where the plan cuts it.
        """
        steps = json.loads(row["degradations"])
        if self.recipe.pairs is not None:
            rendered = self._pair(row, padded=self.recipe.pairs.order == "drawn")
        else:
            parts = self._speech(row, [step for step in steps if step["to"] == "speech"])
            self._watch("speech placed", parts.speech)
            background = self._background(row, [step for step in steps if step["to"] == "noise"], parts)
            rendered = self._mix(parts, background, row)
        self._watch("noisy", rendered.noisy)
        for step in steps:
            if step["to"] == "mixture":
                rendered = self._degrade_mixture(rendered, step)
                self._watch(f"noisy {step['kind']}", rendered.noisy)
        low = self.recipe.input_rate
        return rendered if low is None else self._at_input_rate(rendered, low)

    def _pair(self, row: Mapping[str, Any], *, padded: bool) -> Rendered:
        """A ready-made pair: the noise is what the noisy recording holds beside the clean."""
        clean, noisy, damage = self._cutter.pair(row, padded=padded)
        _refuse_silence(noisy, "noisy recording", row["noise"])
        for stage, signal in (("speech", clean), ("speech placed", clean), ("noise gained", noisy - clean)):
            self._watch(stage, signal)
        try:
            item = self._set_level(_Parts(clean, clean, damage=damage), noisy - clean, row["level_dbfs"], {}, [])
        except ValueError as error:
            raise AudioError("undefined", f"{self.recipe.snr_kind} SNR", str(error)) from error
        if row["noise_kind"] == "additive":
            return item
        sdr_db = energy_ratio_db(item.speech, item.noise)
        no_snr = dict.fromkeys(("snr_realised_db", "snr_total_db"), float("nan"))
        return replace(item, measured=item.measured | no_snr | {"mixture_sdr_db": sdr_db})

    def _at_input_rate(self, item: Rendered, input_rate: int) -> Rendered:
        """Lower the rate of the noisy signal; all stems yield where its overshoot exceeds the limit."""
        low = resample(item.noisy, item.sample_rate, input_rate)
        peak = float(np.abs(low).max())
        guard = np.float32(min(1.0, self.recipe.peak_limit / peak)) if peak else np.float32(1)
        low = low * guard
        back = resample(low, input_rate, item.sample_rate)[: len(item.noisy)]
        guard_db = 20 * float(np.log10(guard))
        levels = ("speech_dbfs", "noise_dbfs", "guard_db")
        measured = item.measured | {name: item.measured[name] + guard_db for name in levels}
        measured |= {"level_realised_dbfs": rms_dbfs(back), "peak": item.measured["peak"] * float(guard)}
        speech, noise = item.speech * guard, item.noise * guard
        clean = speech if item.clean is item.speech else item.clean * guard
        also = {name: x * guard for name, x in item.also.items()}
        return replace(
            item, noisy=back, clean=clean, speech=speech, noise=noise, also=also, measured=measured, input=low
        )

    def _speech(self, row: Mapping[str, Any], steps: list[dict[str, Any]]) -> _Parts:
        dry, damage = self._cutter.speech(row["speech"], with_damage=self._looks_for_damage)
        if len(row["speech"]):
            _refuse_silence(dry, "speech", row["speech"])
        self._watch("speech", dry)
        heard = wanted = dry
        for step in steps:
            done = self._apply(step, heard)
            if step["target"]:
                shared = done if wanted is heard else self._apply(step, wanted)
                damage, wanted = _add_damage(damage, shared), shared.signal
            heard = done.signal if not step["target"] or wanted is not done.signal else wanted
            self._watch(f"speech {step['kind']}", heard)
        return self._place(heard, wanted, row, damage)

    def _place(self, heard: np.ndarray, wanted: np.ndarray, row: Mapping[str, Any], damage: Damage) -> _Parts:
        names = [f"target_{name}" for name in (self.recipe.rooms.also if self.recipe.rooms else ())]
        if self._placer is None or not isinstance(row["rir_path"], str):
            return _Parts(heard, wanted, dict.fromkeys(names, wanted), damage)
        speech, (clean, *also), numbers = self._placer.speech(heard, wanted, row)
        if row["rir_rate"] < self.recipe.sample_rate:  # the room ends where its recording does
            damage = replace(damage, bandwidth_hz=np.minimum(damage.bandwidth_hz, row["rir_rate"] / 2))
        return _Parts(speech, clean, dict(zip(names, also, strict=True)), damage, numbers)

    def _background(self, row: Mapping[str, Any], steps: list[dict[str, Any]], parts: _Parts) -> np.ndarray | None:
        if row["noise_kind"] == "none":
            return None
        noise = self._layer(row, self.recipe.mixing.noise.match_band, parts)
        self._watch("noise", noise)
        if isinstance(row["noise_rir_path"], str) and self._placer is not None:
            noise = self._placer.noise(noise, row)
            self._watch("noise room", noise)
        for step in steps:
            noise = self._apply(step, noise).signal
            self._watch(f"noise {step['kind']}", noise)
        return noise

    def _layer(self, layer: Mapping[str, Any], match_band: bool, parts: _Parts) -> np.ndarray:
        """Noise as it is cut or generated, its band and its course as asked, at any level."""
        rate = self.recipe.sample_rate
        noise = self._cutter.noise(layer)
        _refuse_silence(noise, "noise", layer["noise"] or [{"path": layer["generated"]}])
        limit_hz = float(np.min(parts.damage.bandwidth_hz))
        if match_band and limit_hz < FULL_BAND * rate / 2:
            noise = (
                load("band_limit").apply(noise, rate, BandLimit.model_validate({"cutoff_hz": limit_hz}), 0).signal
            )
        if len(layer["course_db"]):
            times = COURSE_SECONDS * np.arange(len(layer["course_db"]))
            noise = noise * trajectory_gain(times, np.array(layer["course_db"]), len(noise), rate)
        return noise

    def _apply(self, step: Mapping[str, Any], x: np.ndarray) -> Degraded:
        degradation = load(step["kind"])
        parameters = degradation.parameters.model_validate(step["parameters"])
        return degradation.apply(x, self.recipe.sample_rate, parameters, int(step["key"], 16))

    def _mix(self, parts: _Parts, background: np.ndarray | None, row: Mapping[str, Any]) -> Rendered:
        noise = np.zeros(self.recipe.n_samples, np.float32)
        if background is not None:
            noise = background * np.float32(self._gain(parts.speech, background, row["snr_db"]))
            self._watch("noise gained", noise)
        measured = {"snr_realised_db": self._snr_db(parts.speech, noise)} if row["layers"] else {}
        layers: list[dict[str, object]] = []
        for layer in row["layers"]:
            match_band = self.recipe.layers[layer["name"]].match_band
            sound = self._layer(layer, match_band, parts)
            sounding = _sounding(layer, len(sound))
            sound = sound * np.float32(self._gain(parts.speech, sound, layer["snr_db"], sounding))
            self._watch(f"layer {layer['name']}", sound)
            snr_db = self._snr_db(parts.speech, sound, sounding)
            kept = {name: layer[name] for name in ("name", "noise_class", "noise_kind", "generated", "snr_db")}
            paths = [f"{segment['root_name']}/{segment['path']}" for segment in layer["noise"]]
            layers.append({**kept, "snr_realised_db": snr_db, "paths": paths})
            noise = noise + sound
        return self._set_level(parts, noise, row["level_dbfs"], measured, layers)

    def _gain(
        self, speech: np.ndarray, noise: np.ndarray, snr_db: float, sounding: np.ndarray | None = None
    ) -> float:
        """Gain of a noise that gives its SNR; of events by their level while they sound."""
        if not speech.any():
            level = rms_dbfs(noise if sounding is None else noise[sounding])
            return float(10 ** ((ALONE_DBFS - level - (0.0 if sounding is None else snr_db)) / 20))
        if sounding is not None:
            return float(10 ** ((self._snr_db(speech, noise, sounding) - snr_db) / 20))
        try:
            return noise_gain(speech, noise, snr_db, self.recipe.sample_rate, kind=self.recipe.snr_kind)
        except ValueError as error:
            raise AudioError("undefined", f"{self.recipe.snr_kind} SNR", str(error)) from error

    def _snr_db(self, speech: np.ndarray, noise: np.ndarray, sounding: np.ndarray | None = None) -> float:
        if not speech.any() or not noise.any():
            return float("nan")
        if sounding is not None:
            return rms_dbfs(speech) - rms_dbfs(noise[sounding])
        return realised_snr_db(speech, noise, self.recipe.sample_rate, kind=self.recipe.snr_kind)

    def _set_level(
        self,
        parts: _Parts,
        noise: np.ndarray,
        level_dbfs: float,
        measured: dict[str, float],
        layers: list[dict[str, object]],
    ) -> Rendered:
        recipe = self.recipe
        mix = parts.speech + noise
        gain = 10 ** ((level_dbfs - rms_dbfs(mix)) / 20)
        stems = {id(x): x for x in (mix, parts.speech, noise, parts.clean, *parts.also.values())}
        peak = gain * max(float(max(x.max(), -x.min())) for x in stems.values())
        guard = min(1.0, recipe.peak_limit / peak)
        scale = np.float32(gain * guard)
        speech, noise = parts.speech * scale, noise * scale
        clean = speech if parts.clean is parts.speech else parts.clean * scale
        noisy = speech + noise
        speech_dbfs, noise_dbfs = _finite(rms_dbfs(speech)), _finite(rms_dbfs(noise))
        total = speech_dbfs - noise_dbfs if recipe.snr_kind == "rms" else self._snr_db(speech, noise)
        measured = (
            {"snr_realised_db": total, "snr_total_db": total}
            | measured
            | {
                "level_realised_dbfs": rms_dbfs(noisy),
                "speech_dbfs": speech_dbfs,
                "noise_dbfs": noise_dbfs,
                "peak": peak * guard,
                "guard_db": 20 * float(np.log10(guard)),
                "mixture_sdr_db": float("nan"),
            }
            | {f"{name}_realised": value for name, value in parts.room.items()}
        )
        also = {name: x * scale for name, x in parts.also.items()}
        return Rendered(
            noisy, clean, speech, noise, recipe.sample_rate, measured, also, layers, recipe.analysis, parts.damage
        )

    def _degrade_mixture(self, item: Rendered, step: dict[str, Any]) -> Rendered:
        done = self._apply(step, item.noisy)
        measured = dict(item.measured)
        if step["target"]:  # linear: what is done to the sum is done to each stem
            alone = item.clean is item.speech
            speech, noise = (self._apply(step, x).signal for x in (item.speech, item.noise))
            clean = speech if alone else self._apply(step, item.clean).signal
            also = {name: self._apply(step, x).signal for name, x in item.also.items()}
            noisy, damage = speech + noise, _add_damage(item.damage, done)
            if np.isfinite(measured["snr_total_db"]):  # a filter changes the two differently
                total = self._snr_db(speech, noise)
                measured |= {"snr_total_db": total, "snr_realised_db": float("nan") if item.layers else total}
        else:
            noisy, clean, speech, noise, also, damage = (
                done.signal, item.clean, item.speech, item.noise, dict(item.also), item.damage
            )  # fmt: skip
            sdr_db = energy_ratio_db(item.noisy, noisy - item.noisy)
            measured |= {"mixture_sdr_db": sdr_db, "snr_realised_db": float("nan"), "snr_total_db": float("nan")}
        peak = max(float(np.abs(x).max()) for x in (noisy, clean, speech, noise, *also.values()))
        guard = np.float32(min(1.0, self.recipe.peak_limit / peak)) if peak else np.float32(1)
        if guard < 1:
            alone = clean is speech
            noisy, speech, noise = noisy * guard, speech * guard, noise * guard
            clean = speech if alone else clean * guard
            also = {name: x * guard for name, x in also.items()}
        measured |= {
            "level_realised_dbfs": rms_dbfs(noisy), "speech_dbfs": _finite(rms_dbfs(speech)),
            "noise_dbfs": _finite(rms_dbfs(noise)), "peak": peak * float(guard),
            "guard_db": measured["guard_db"] + 20 * float(np.log10(guard)),
        }  # fmt: skip
        return replace(item, noisy=noisy, clean=clean, speech=speech, noise=noise, also=also, damage=damage,
                       measured=measured)  # fmt: skip


def _refuse_silence(x: np.ndarray, name: str, segments: Any) -> None:
    if rms_dbfs(x) < SILENCE_DBFS:
        raise AudioError("silent", segments[0]["path"], f"the {name} that the plan cuts from it is silent")


def _add_damage(damage: Damage, done: Degraded) -> Damage:
    bandwidth = (
        damage.bandwidth_hz if done.bandwidth_hz is None else np.minimum(damage.bandwidth_hz, done.bandwidth_hz)
    )
    clipped = damage.clipped if done.clipped is None else damage.clipped | done.clipped
    lost = damage.lost if done.lost is None else damage.lost | done.lost
    return Damage(bandwidth, clipped, lost)


def _sounding(layer: Mapping[str, Any], n_samples: int) -> np.ndarray | None:
    """Where the events of a layer sound; None for layers that sound all the time."""
    if layer["noise_kind"] != "events":
        return None
    out = np.zeros(n_samples, bool)
    for segment in layer["noise"]:
        out[segment["at"] : segment["at"] + segment["length"]] = True
    return out


def _finite(level: float) -> float:
    return level if np.isfinite(level) else float("nan")
