"""Recipes: what a corpus shall hold, written in YAML and checked before anything is drawn."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from percepkit.dsp.noise import KINDS
from percepkit.dsp.percepnet import Settings
from percepkit.synth.distribution import Distribution
from percepkit.synth.yaml_model import load_yaml

__all__ = ["GENERATED_KINDS", "Noise", "Recipe", "Rooms", "Speech", "load_recipe"]

GENERATED_KINDS = ("babble", *KINDS)
TargetName = Literal[
    "erb_gains", "comb_strengths", "comb_attenuation", "band_flags", "pitch_period", "vad", "ibm", "irm", "smm",
    "psm", "orm", "cirm", "noise_mask", "magnitude", "log_magnitude", "complex_spectrum",
]  # fmt: skip


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Speech(_Section):
    """Clean speech. Utterances shorter than the item are joined with others of the same speaker.

    A file without a speaker label is joined with itself only: nobody knows who else speaks like it.
    """

    manifest: str
    pause_seconds: Distribution = Distribution.model_validate({"uniform": [0.1, 0.6]})


class Noise(_Section):
    """Noise from recordings, generated, or both; the classes are equally likely."""

    manifest: str | None = None
    generated: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if self.manifest is None and not self.generated:
            raise ValueError("needs `manifest` (recordings), `generated` (kinds of noise) or both")
        unknown = sorted(set(self.generated) - set(GENERATED_KINDS))
        if unknown:
            raise ValueError(f"unknown generated noise {', '.join(unknown)}; known: {', '.join(GENERATED_KINDS)}")
        return self


class Rooms(_Section):
    """Room impulse responses for the speech, and what the target keeps of the room.

    ``dry`` keeps the direct sound, ``early`` the first 50 ms after it, ``reverberant`` all.
    """

    manifest: str
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    target: Literal["dry", "early", "reverberant"] = "dry"


class Recipe(_Section):
    """Everything that decides a corpus; the same recipe and manifests always make the same one.

    Attributes
    ----------
    snr_kind
        ``rms``: mean powers over the whole item; ``active``: ITU-T P.56 active level of the speech
        against the mean power of the noise.
    level_dbfs
        RMS level of the noisy signal; lowered where a sample would exceed ``peak_limit``.
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
    speech: Speech
    noise: Noise
    rooms: Rooms | None = None
    snr_db: Distribution
    snr_kind: Literal["rms", "active"] = "rms"
    level_dbfs: Distribution = Distribution.model_validate({"normal": [-26, 4]})
    peak_limit: Annotated[float, Field(gt=0, le=0.999)] = 0.99
    audio_format: Literal["wav", "flac"] = "wav"
    analysis: Settings = Settings()
    targets: tuple[TargetName, ...] = ("erb_gains", "comb_strengths", "comb_attenuation", "pitch_period")

    @property
    def n_samples(self) -> int:
        """Samples of every item."""
        return round(self.item_seconds * self.sample_rate)

    @property
    def stems(self) -> tuple[str, ...]:
        """Audio files of every item; there is no ``speech`` where it cannot differ from ``clean``."""
        both = self.rooms is not None and self.rooms.target != "reverberant"
        return ("noisy", "clean", "speech", "noise") if both else ("noisy", "clean", "noise")


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; raises as `percepkit.synth.yaml_model.load_yaml`."""
    return load_yaml(path, Recipe, "recipe")
