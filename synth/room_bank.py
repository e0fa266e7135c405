"""What a bank of simulated rooms shall hold, as its YAML file says."""

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from percepkit.synth.distribution import Distribution
from percepkit.synth.yaml_model import load_yaml

__all__ = ["Materials", "RoomBank", "load_bank"]

LONGEST_RT60 = {"image": 1.0, "hybrid": 3.0}  # s


def _distribution(low: float, high: float) -> Distribution:
    return Distribution.model_validate({"uniform": [low, high]})


class Materials(BaseModel):
    """What the surfaces of the rooms are made of; every wall, floor and ceiling draws one name of its list.

    Attributes
    ----------
    walls, floor, ceiling
        Names of the tables of absorption that pyroomacoustics brings (octaves from 125 Hz to 8 kHz), from the
        annex of M. Vorlaender, "Auralization", Springer, 2008.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    walls: Annotated[tuple[str, ...], Field(min_length=1)]
    floor: Annotated[tuple[str, ...], Field(min_length=1)]
    ceiling: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("walls", "floor", "ceiling")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from pyroomacoustics.parameters import materials_absorption_table as known

        if unknown := sorted(set(names) - set(known)):
            raise ValueError(f"unknown material {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        return names


class RoomBank(BaseModel):
    """What a bank of rooms shall hold, as its YAML file says.

    Attributes
    ----------
    rt60_seconds
        Reverberation time. From 0.1 to 1 s by the image method, whose cost grows with its cube; to 3 s by the
        hybrid. May be left out where `materials` are given: then it is what they make it.
    method
        ``image``: every reflection an image source, all surfaces absorb alike at all frequencies. ``hybrid``:
        image sources for the first reflections, rays for the energy of those after them; the air absorbs too.
    shape
        ``shoebox``, or ``polygon``: half of the floor plans are L-shaped, half convex with five to eight corners,
        both inside a rectangle of `length_m` by `width_m`. Polygons need the hybrid.
    materials
        What the surfaces are made of, so that the decay depends on the frequency. With `rt60_seconds`, their
        absorption is scaled to reach it. They need the hybrid.
    length_m, width_m, height_m
        Size of the rooms.
    distance_m
        From a source to the microphone; redrawn where it does not fit into the room.
    wall_distance_m
        Every source and the microphone are at least this far from all walls.
    sources_per_room
        Positions with a response each: the first is meant for speech and always in sight of the microphone, the
        others are for noise and may be around the corner of an L-shaped room.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    rooms: Annotated[int, Field(ge=1, le=100_000)]
    sample_rate: Annotated[int, Field(ge=8000, le=192_000)]
    seed: Annotated[int, Field(ge=0)]
    rt60_seconds: Distribution | None = None
    method: Literal["image", "hybrid"] = "image"
    shape: Literal["shoebox", "polygon"] = "shoebox"
    materials: Materials | None = None
    length_m: Distribution = _distribution(3, 8)
    width_m: Distribution = _distribution(3, 6)
    height_m: Distribution = _distribution(2.4, 3.5)
    distance_m: Distribution = _distribution(0.5, 3)
    wall_distance_m: Annotated[float, Field(ge=0.1, le=2)] = 0.5
    sources_per_room: Annotated[int, Field(ge=1, le=16)] = 2

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self._check_method()
        inner = []
        for name in ("length_m", "width_m", "height_m"):
            _within(name, getattr(self, name), 2 * self.wall_distance_m + 0.2, 30.0)
            inner.append(getattr(self, name).bounds()[0] - 2 * self.wall_distance_m)
        _within("distance_m", self.distance_m, 0.1, 50.0)
        if self.distance_m.bounds()[0] > 0.5 * math.hypot(*inner):
            raise ValueError(
                f"distance_m: {self.distance_m.bounds()[0]:g} m and more does not fit into the smallest "
                f"room, where {self.wall_distance_m:g} m are kept from every wall; use larger rooms or less"
            )
        return self

    def _check_method(self) -> None:
        if self.rt60_seconds is None and self.materials is None:
            raise ValueError("rt60_seconds: needed where no materials are given, e.g. {uniform: [0.2, 0.6]}")
        if self.method == "image" and self.shape == "polygon":
            raise ValueError("shape: polygon needs method: hybrid, since the image method is for shoeboxes")
        if self.method == "image" and self.materials is not None:
            raise ValueError("materials: need method: hybrid, since the image method absorbs alike everywhere")
        if self.rt60_seconds is not None:
            hint = "; longer ones need method: hybrid" if self.method == "image" else ""
            _within("rt60_seconds", self.rt60_seconds, 0.1, LONGEST_RT60[self.method], hint)


def _within(name: str, distribution: Distribution, low: float, high: float, hint: str = "") -> None:
    found = distribution.bounds()
    if found[0] < low or found[1] > high:
        raise ValueError(
            f"{name}: expected values from {low:g} to {high:g}, found {found[0]:g} to {found[1]:g}{hint}"
        )


def load_bank(path: Path) -> RoomBank:
    """Read and check the YAML file of a bank; raises as `percepkit.synth.yaml_model.load_yaml`."""
    return load_yaml(path, RoomBank, "room bank")
