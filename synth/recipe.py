"""Recipes: what a corpus shall hold, written in YAML and checked before anything is drawn."""

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from percepkit.dsp.noise import parse_noise
from percepkit.dsp.percepnet import Settings
from percepkit.dsp.snr import SnrKind
from percepkit.synth.degradations.registry import load
from percepkit.synth.distribution import Distribution
from percepkit.synth.keep import Keep
from percepkit.synth.pair_sources import Pairs
from percepkit.synth.yaml_model import load_yaml

__all__ = [
    "Degrading", "Layer", "Mixing", "Noise", "Recipe", "Rooms", "Speech", "TargetName", "TargetRoom",
    "load_recipe",
]  # fmt: skip

TargetName = Literal[
    "erb_gains", "comb_strengths", "comb_attenuation", "band_flags", "pitch_period", "vad", "ibm", "irm", "smm",
    "psm", "orm", "cirm", "noise_mask", "magnitude", "log_magnitude", "complex_spectrum",
]  # fmt: skip
TargetRoom = Literal["dry", "direct", "early", "decay", "reverberant"]
Share = Annotated[float, Field(ge=0, le=1)]
#: One manifest or several, relative to the recipe.
Manifests = Annotated[
    tuple[str, ...], Field(min_length=1), BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)
]
_NONE = Distribution.model_validate(0)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Speech(_Section):
    """Clean speech. Utterances shorter than the item are joined with others of the same speaker.

    A file without a speaker label is joined with itself only: nobody knows who else speaks like it. ``share`` of
    the items have speech; ``speed`` resamples each talker, 1.1 makes speech a tenth faster and higher; ``keep``
    limits the files; with ``trim`` the silence before and after the sound of each file is left out, and files
    count by what remains.
    """

    manifest: Manifests
    pause_seconds: Distribution = Distribution.model_validate({"uniform": [0.1, 0.6]})
    trim: bool = False
    share: Share = 1.0
    speed: Distribution = Distribution.model_validate(1)
    keep: Keep | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _within("speed", self.speed, 0.5, 2.0)
        return self


class Noise(_Section):
    """Noise from recordings, generated, or both; the classes are equally likely.

    ``generated`` names kinds (``hum``), whose parameters are drawn, or fixes some: ``hum(frequency_hz=50)``.
    ``share`` of the items have it. ``course_db`` is drawn every two seconds: the noise follows these levels, while
    its SNR over the whole item stays the one drawn. With ``match_band`` noise ends where the speech's own
    recording does, lest a network learns to tell them by the empty top.
    """

    manifest: Manifests | None = None
    generated: tuple[str, ...] = ()
    share: Share = 1.0
    course_db: Distribution = _NONE
    match_band: bool = False
    keep: Keep | None = None

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if self.manifest is None and not self.generated and not getattr(self, "talkers", 0):
            raise ValueError("needs `manifest` (recordings), `generated` (kinds of noise) or both")
        for text in self.generated:
            parse_noise(text)
        if self.keep is not None and self.manifest is None:
            raise ValueError("`keep` limits recordings: it needs `manifest`")
        return self


class Layer(Noise):
    """One more sound beside the background noise, at an SNR of its own.

    It is noise like the background, or ``talkers`` voices of the speech manifest that are never the item's own
    talker (1 interferes, 6 babble), or ``events``: that many pieces of recordings, each at a place of its own,
    their SNR that of the speech against the events while they sound.
    """

    snr_db: Distribution
    talkers: Annotated[int, Field(ge=0, le=32)] = 0
    events: Distribution | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.talkers and (self.manifest is not None or self.generated or self.events):
            raise ValueError("a layer of `talkers` has no `manifest`, `generated` or `events`; make two layers")
        if self.events is not None:
            if self.manifest is None or self.generated:
                raise ValueError("`events` are pieces of recordings: they need `manifest` and no `generated`")
            _within("events", self.events, 0, 50)
        return self


class Rooms(_Section):
    """Room impulse responses for the speech, and what the targets keep of the room.

    ``dry`` keeps the direct sound at its place, ``direct`` the direct path as measured, ``early`` the first 50 ms,
    ``decay`` 20 ms and then a tail of 0.2 s RT60 (PercepNet), ``reverberant`` all. ``target`` is the stem clean;
    each of ``also`` becomes a stem of its own. ``noise_share`` of the placed items have their background noise at
    another position of the same room. ``rt60_seconds``, ``drr_db`` and ``early_gain`` change the response first.
    """

    manifest: Manifests
    share: Share = 1.0
    target: TargetRoom = "dry"
    also: tuple[TargetRoom, ...] = ()
    noise_share: Share = 0.0
    rt60_seconds: Distribution | None = None
    drr_db: Distribution | None = None
    early_gain: Distribution | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.target in self.also or len(set(self.also)) < len(self.also):
            raise ValueError(f"`also` repeats a target: {self.target}, {', '.join(self.also)}; name each once")
        for name, low, high in (("rt60_seconds", 0.05, 3.0), ("drr_db", -20.0, 40.0), ("early_gain", 0.1, 10.0)):
            if getattr(self, name) is not None:
                _within(name, getattr(self, name), low, high)
        return self


class Degrading(_Section):
    """A degradation of ``share`` of the items; they are applied in the order of the recipe.

    ``to`` says to what: the speech before it enters the room, the noise before its SNR is set, or the mixture at
    the end. The ``target`` shares it, or is to be restored. Parameters are numbers drawn like any other, words, or
    ``{choice: [words]}``.
    """

    kind: str
    to: Literal["speech", "noise", "mixture"]
    share: Share = 1.0
    target: bool = False
    parameters: dict[str, Distribution | str | dict[Literal["choice"], tuple[str, ...]]] = {}

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        degradation = load(self.kind)
        if self.to == "noise" and self.target:
            raise ValueError("the target holds no noise: `target` goes with `to: speech` and `to: mixture`")
        if self.to == "mixture" and self.target and not degradation.linear:
            raise ValueError(
                f"{self.kind} is not linear: the target cannot share it on the mixture, only on speech"
            )
        for u in (1e-6, 0.37, 1 - 1e-6):  # also between the ends: whole numbers are `choice`
            drawn = {name: _sample(value, np.array([u]))[0] for name, value in self.parameters.items()}
            try:
                degradation.parameters.model_validate(drawn)
            except ValidationError as error:
                fault = error.errors()[0]
                where = ".".join(str(part) for part in fault["loc"]) or ", ".join(drawn) or "parameters"
                known = ", ".join(degradation.parameters.model_fields)
                raise ValueError(f"{self.kind}: {where}: {fault['msg']} (parameters: {known})") from None
        return self

    def draw(self, u: np.ndarray) -> list[dict[str, float | str]]:
        """Parameters of each item from uniform draws, shape (items, parameters)."""
        columns = [_sample(value, u[:, i]) for i, value in enumerate(self.parameters.values())]
        return [dict(zip(self.parameters, row, strict=True)) for row in zip(*columns, strict=True)] or [{}] * len(
            u
        )


def _sample(value: Distribution | str | dict[Any, tuple[str, ...]], u: np.ndarray) -> list[Any]:
    if isinstance(value, Distribution):
        return value.sample(u).tolist()
    words = (value,) if isinstance(value, str) else value["choice"]
    return [words[int(v * len(words))] for v in u]


def _within(name: str, distribution: Distribution, low: float, high: float) -> None:
    found = distribution.bounds()
    if found[0] < low or found[1] > high:
        raise ValueError(f"`{name}`: expected values from {low:g} to {high:g}, found {found[0]:g} to {found[1]:g}")


class Mixing(NamedTuple):
    """The sections by which a recipe mixes speech and noise."""

    speech: Speech
    noise: Noise
    snr_db: Distribution


class Recipe(_Section):
    """Everything that decides a corpus; the same recipe and manifests always make the same one.

    Attributes
    ----------
    speech, noise, snr_db
        What is mixed; ``pairs`` takes ready-made pairs instead.
    snr_db
        Of the speech against the background noise, both as they stand in the mix.
    snr_kind
        ``rms``: mean powers over the whole item; others see `percepkit.dsp.snr`.
    layers
        More sounds beside the background noise, by name.
    level_dbfs
        RMS level of the noisy signal; lowered where a sample would exceed ``peak_limit``.
    input_rate
        In Hz, below ``sample_rate``: the stem ``noisy`` is written at this rate, for super-resolution. Speech
        must reach half-way between the two Nyquist frequencies, or it is not drawn.
    container
        A shard is a folder of files, or one tar in WebDataset's layout.
    analysis
        Frames, bands and comb filter of the targets, see `percepkit.dsp.percepnet.Settings`.
    """

    format_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    seed: Annotated[int, Field(ge=0)]
    split: str = "train"
    items: Annotated[int, Field(ge=1)]
    item_seconds: Annotated[float, Field(ge=0.5, le=600)]
    sample_rate: Annotated[int, Field(ge=8000, le=192_000)]
    items_per_shard: Annotated[int, Field(ge=1)] = 50
    speech: Speech | None = None
    noise: Noise | None = None
    pairs: Pairs | None = None
    input_rate: Annotated[int, Field(ge=4000)] | None = None
    layers: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Layer] = {}
    rooms: Rooms | None = None
    snr_db: Distribution | None = None
    snr_kind: SnrKind = "rms"
    level_dbfs: Distribution = Distribution.model_validate({"normal": [-26, 4]})
    peak_limit: Annotated[float, Field(gt=0, le=0.999)] = 0.99
    degradations: tuple[Degrading, ...] = ()
    audio_format: Literal["wav", "flac"] = "wav"
    container: Literal["folder", "tar"] = "folder"
    analysis: Settings = Settings()
    targets: tuple[TargetName, ...] = ("erb_gains", "comb_strengths", "comb_attenuation", "pitch_period")

    @model_validator(mode="after")
    def _mixes_or_pairs(self) -> Self:
        if self.pairs is None:
            missing = [name for name in Mixing._fields if getattr(self, name) is None]
            if missing:
                raise ValueError(
                    f"`{'`, `'.join(missing)}` missing: a recipe mixes speech and noise, or has `pairs`"
                )
        else:
            strange = [name for name in (*Mixing._fields, "layers", "rooms") if getattr(self, name)]
            strange += [f"{step.kind} to {step.to}" for step in self.degradations if step.to != "mixture"]
            if strange:
                raise ValueError(f"`pairs` are mixed already: drop {', '.join(strange)}")
        if self.input_rate is not None and self.input_rate >= self.sample_rate:
            raise ValueError(f"`input_rate` must be below the sample rate, found {self.input_rate}")
        return self

    @model_serializer(mode="wrap")
    def _without_other_kinds(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        unused = [name for name in ("pairs", "input_rate", *Mixing._fields) if getattr(self, name) is None]
        return {name: value for name, value in content.items() if name not in unused}

    @property
    def mixing(self) -> Mixing:
        """What is mixed; ValueError in a recipe of pairs."""
        if self.speech is None or self.noise is None or self.snr_db is None:
            raise ValueError("a recipe of `pairs` does not mix")
        return Mixing(self.speech, self.noise, self.snr_db)

    def rate_of(self, stem: str) -> int:
        """Sample rate in Hz of a stem as it is written."""
        return self.input_rate if stem == "noisy" and self.input_rate is not None else self.sample_rate

    @property
    def n_samples(self) -> int:
        """Samples of every item."""
        return round(self.item_seconds * self.sample_rate)

    @property
    def stems(self) -> tuple[str, ...]:
        """Audio files of every item; there is no ``speech`` where it cannot differ from ``clean``."""
        apart = self.rooms is not None and self.rooms.target != "reverberant"
        restored = any(step.to == "speech" and not step.target for step in self.degradations)
        also = () if self.rooms is None else tuple(f"target_{name}" for name in self.rooms.also)
        return ("noisy", "clean", *(("speech",) if apart or restored else ()), "noise", *also)


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; raises as `percepkit.synth.yaml_model.load_yaml`."""
    return load_yaml(path, Recipe, "recipe")
