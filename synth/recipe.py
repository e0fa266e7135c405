"""Recipes: what a corpus shall hold, written in YAML and checked before anything is drawn."""

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from percepkit.dsp.noise import KINDS
from percepkit.synth.distribution import Distribution

__all__ = ["GENERATED_KINDS", "Noise", "Recipe", "Rooms", "Speech", "load_recipe", "recipe_text"]

GENERATED_KINDS = ("babble", *KINDS)
TargetName = Literal["erb_gains", "comb_strengths", "comb_attenuation", "pitch_period"]


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
    """Room impulse responses for the speech, and what the target keeps of the room."""

    manifest: str
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    target: Literal["dry", "early"] = "dry"


class Recipe(_Section):
    """Everything that decides a corpus; the same recipe and manifests always make the same one.

    Attributes
    ----------
    snr_kind
        ``rms``: mean powers over the whole item; ``active``: ITU-T P.56 active level of the speech
        against the mean power of the noise.
    level_dbfs
        RMS level of the noisy signal; lowered where a sample would exceed ``peak_limit``.
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
    targets: tuple[TargetName, ...] = ("erb_gains", "comb_strengths", "comb_attenuation", "pitch_period")

    @property
    def n_samples(self) -> int:
        """Samples of every item."""
        return round(self.item_seconds * self.sample_rate)

    @property
    def stems(self) -> tuple[str, ...]:
        """Audio files of every item; ``speech`` differs from ``clean`` only where there are rooms."""
        return ("noisy", "clean", "speech", "noise") if self.rooms else ("noisy", "clean", "noise")


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    ValueError
        If the file is missing, is not YAML, or holds an unknown key or a value out of range; the message
        names the file and every faulty key.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such recipe; write one or copy an example (README, section Recipes)")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a recipe is a table of keys and values, found {type(content).__name__}")
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{path}: {_explain(error, content)}") from None


def _explain(error: ValidationError, content: dict[str, object]) -> str:
    faults = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"]) or "recipe"
        if fault["type"] == "extra_forbidden":
            section = Recipe.model_fields if len(fault["loc"]) == 1 else _section_fields(str(fault["loc"][0]))
            faults.append(f"unknown key `{where}`; known: {', '.join(section)}")
        else:
            faults.append(f"`{where}`: {fault['msg'].removeprefix('Value error, ')}")
    return "; ".join(faults)


def _section_fields(name: str) -> list[str]:
    sections: dict[str, type[_Section]] = {"speech": Speech, "noise": Noise, "rooms": Rooms}
    return list(sections.get(name, Recipe).model_fields)


def recipe_text(recipe: Recipe) -> str:
    """The recipe as YAML with every default written out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False)
