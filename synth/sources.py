"""The audio that a recipe draws from: usable rows of its manifests, arranged for drawing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from percepkit.manifests.generated import GENERATED_ROOT, generated_rows
from percepkit.manifests.split import find_leaks
from percepkit.manifests.table import read_manifest, usable
from percepkit.synth.keep import Keep, keep_files
from percepkit.synth.pair_sources import Pairs, PairSources, load_pairs
from percepkit.synth.recipe import Noise, Recipe

__all__ = ["NoiseSources", "RoomSources", "Sources", "SpeechSources", "check_roots", "load_sources"]

UNLABELLED = "unlabelled"
COUNTS = {"frames": "int64", "sample_rate": "int64", "channels": "int64"}
SHORTEST_SECONDS = {"speech": 0.25, "noise": 0.1, "layers": 0.1, "rooms": 0.0}  # shorter files are not drawn from


@dataclass(frozen=True, eq=False)
class SpeechSources:
    """Speech files, sorted so that the files of one unit are neighbours.

    A unit is what may be one talker: a labelled speaker, or a folder of files without labels. Files are
    joined within a labelled speaker only, but babble never takes a voice from the talker's own unit.

    Attributes
    ----------
    table : DataFrame
        Manifest rows; `frames` are drawn from, the first of which is `first_frame`.
    first, count : int64 array, shape (files,)
        The range of rows of each file's unit.
    joinable : bool array, shape (files,)
        Whether the speaker is known.
    """

    table: pd.DataFrame
    first: np.ndarray
    count: np.ndarray
    joinable: np.ndarray


@dataclass(frozen=True, eq=False)
class NoiseSources:
    """Noise recordings and generated kinds, sorted so that the members of one class are neighbours.

    Attributes
    ----------
    table : DataFrame
        Manifest rows; a generated noise has `kind` set, such as ``hum(frequency_hz=50)``, and no path.
    classes : list of str
    first, count : int64 array, shape (classes,)
    """

    table: pd.DataFrame
    classes: list[str]
    first: np.ndarray
    count: np.ndarray


@dataclass(frozen=True, eq=False)
class RoomSources:
    """Room impulse responses, sorted so that the files of one room are neighbours.

    Attributes
    ----------
    table : DataFrame
        Manifest rows; `room` names the room.
    first, count : int64 array, shape (files,)
        The range of rows of each file's room.
    """

    table: pd.DataFrame
    first: np.ndarray
    count: np.ndarray


@dataclass(frozen=True, eq=False)
class Sources:
    """All that a recipe draws from.

    ``dropped`` says how many files each limit left out: of length, of bandwidth, of a `keep` section.
    """

    speech: SpeechSources
    noise: NoiseSources
    layers: dict[str, NoiseSources | None]
    rooms: RoomSources | None
    dropped: tuple[str, ...] = ()

    @property
    def roots(self) -> set[str]:
        """Names of the roots under which the files lie."""
        layers = [layer.table for layer in self.layers.values() if layer is not None]
        tables = [
            self.speech.table,
            self.noise.table,
            *layers,
            *([] if self.rooms is None else [self.rooms.table]),
        ]
        return {name for table in tables for name in table["root_name"].dropna()} - {GENERATED_ROOT}


def load_sources(recipe: Recipe, folder: Path) -> Sources | PairSources:
    """Read the manifests that a recipe names, relative to ``folder``.

    Raises
    ------
    ValueError
        If a manifest is missing or holds no usable file, naming it and the recipe's key.
    """
    if recipe.pairs is not None:
        return _pairs(recipe, recipe.pairs, folder)
    section, dropped = recipe.mixing.speech, list[str]()
    rows = _kept(folder, section.manifest, "speech", recipe.split, section.keep, dropped)
    high = _reach_high(rows["effective_bandwidth"], recipe, "speech.manifest", dropped)
    rows = rows[high].reset_index(drop=True)
    speech = _speech(_trimmed(rows, section.manifest, dropped) if section.trim else rows)
    noise = _noise_of(recipe.mixing.noise, "noise", folder, recipe.split, dropped)
    layers = {
        name: None if layer.talkers else _noise_of(layer, f"layers.{name}", folder, recipe.split, dropped)
        for name, layer in recipe.layers.items()
    }
    rooms = None
    if recipe.rooms is not None:
        rooms = _rooms(_usable(folder, recipe.rooms.manifest, "rooms.manifest", recipe.split, dropped))
    if speech.count.max() == len(speech.table):
        for key, drawn in {"noise": noise, **{f"layers.{name}": layer for name, layer in layers.items()}}.items():
            if drawn is None or (drawn.table["kind"] == "babble").any():
                raise ValueError(
                    f"{key}: babble and talkers need the voices of other speakers, but speech.manifest holds one "
                    "talker (files without a speaker label in one folder count as one); label them or drop it"
                )
    return Sources(speech, noise, layers, rooms, tuple(dropped))


def _pairs(recipe: Recipe, pairs: Pairs, folder: Path) -> PairSources:
    loaded = load_pairs(pairs, folder, recipe.split)
    table, dropped = loaded.table, list(loaded.dropped)
    high = _reach_high(table["effective_bandwidth"], recipe, "pairs.manifest", dropped)
    table = table[high].reset_index(drop=True)
    if pairs.order == "each" and recipe.items > len(table):
        raise ValueError(
            f"`items`: {recipe.items} of {len(table)} pairs in {pairs.manifest} (pairs.order is each)"
        )
    return PairSources(table, tuple(dropped))


def _reach_high(bandwidth_hz: pd.Series, recipe: Recipe, key: str, dropped: list[str]) -> np.ndarray:
    """Which files can be a target of super-resolution: those that have what the input lacks."""
    if recipe.input_rate is None:
        return np.ones(len(bandwidth_hz), bool)
    least_hz = (recipe.input_rate + recipe.sample_rate) / 4
    high = (bandwidth_hz >= least_hz).to_numpy(bool)
    if not high.any():
        raise ValueError(
            f"no recording of {key} reaches {least_hz:g} Hz, half-way from the input's band to the target's "
            f"(recipe key input_rate); the widest ends at {bandwidth_hz.max():g} Hz; use wider ones"
        )
    if not high.all():
        dropped.append(
            f"{key}: {len(high) - high.sum()} of {len(high)} files end below {least_hz:g} Hz (input_rate)"
        )
    return high


def check_roots(sources: Sources | PairSources, roots: Mapping[str, Path]) -> None:
    """Raise ValueError unless ``roots`` names an existing folder for each root the sources lie under."""
    for name in sorted(sources.roots):
        if name not in roots:
            raise ValueError(
                f"the recipe reads files under the root {name!r}; say where it lies: --root {name}=FOLDER"
            )
        if not Path(roots[name]).is_dir():
            raise ValueError(f"--root {name}={roots[name]}: no such folder")


def _noise_of(layer: Noise, key: str, folder: Path, split: str, dropped: list[str]) -> NoiseSources:
    listed = _kept(folder, layer.manifest, key, split, layer.keep, dropped) if layer.manifest else None
    sources = _noise(listed, layer.generated)
    if getattr(layer, "events", None) is not None and sources.table["kind"].notna().any():
        raise ValueError(f"{key}: events are pieces of recordings, but its manifest lists generated noises")
    return sources


def _kept(
    folder: Path, manifests: tuple[str, ...], key: str, split: str, keep: Keep | None, dropped: list[str]
) -> pd.DataFrame:
    """Usable rows within the limits; adds what was left out to ``dropped``."""
    rows = _usable(folder, manifests, f"{key}.manifest", split, dropped)
    if keep is None:
        return rows
    generated = rows["root_name"] == GENERATED_ROOT
    try:
        kept = keep_files(rows[~generated].reset_index(drop=True), keep, f"{key}.keep")
    except ValueError as error:
        raise ValueError(f"{', '.join(str(folder / name) for name in manifests)}: {error}") from None
    dropped += kept.dropped
    return pd.concat([kept.rows, rows[generated]], ignore_index=True)


def _usable(folder: Path, manifests: tuple[str, ...], key: str, split: str, dropped: list[str]) -> pd.DataFrame:
    """Usable rows; of manifests that are split, those of the recipe's split, after a look for leaks.

    Adds to ``dropped`` how many were too short.
    """
    table = pd.concat([read_manifest(folder / name) for name in manifests], ignore_index=True)
    name = ", ".join(str(folder / name) for name in manifests)
    rows = usable(table)
    if rows["split"].notna().any():
        leaks = find_leaks(table)
        if leaks:
            raise ValueError(
                f"{name}: its splits leak: {leaks[0]}" + (f" (and {len(leaks) - 1} more)" * (len(leaks) > 1))
            )
        known = sorted(rows["split"].dropna().unique())
        if split not in known:
            raise ValueError(f"{name}: no files of split {split!r} (recipe key split); it has: {', '.join(known)}")
        # No two noises from one generator are alike: they belong to every split.
        rows = rows[(rows["split"] == split) | (rows["root_name"] == GENERATED_ROOT)]
    shortest = SHORTEST_SECONDS[key.split(".")[0]]
    long_enough = (rows["duration"] >= shortest) | (rows["root_name"] == GENERATED_ROOT)
    if not long_enough.all():
        dropped.append(f"{key}: {(~long_enough).sum()} of {len(rows)} files are shorter than {shortest} s")
    rows = rows[long_enough].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"{name}: no usable file in this manifest (recipe key {key}); scan another folder")
    return rows


def _trimmed(rows: pd.DataFrame, manifests: tuple[str, ...], dropped: list[str]) -> pd.DataFrame:
    """Files as long as their sound, which begins at ``first_frame``; adds what was left out to ``dropped``."""
    span, names = rows["active_end"] - rows["active_start"], ", ".join(manifests)
    if span.isna().any():
        raise ValueError(
            f"{names}: does not say where speech begins and ends (recipe key speech.trim); make "
            "the manifest anew with `percepkit manifest scan`"
        )
    rate = rows["sample_rate"].astype("float64")
    first = (rows["active_start"] * rate).round().astype("int64")
    frames = (span * rate).round().astype("int64").clip(upper=rows["frames"].astype("int64") - first)
    long_enough = span >= SHORTEST_SECONDS["speech"]
    short = f"{(~long_enough).sum()} of {len(rows)} files have less than {SHORTEST_SECONDS['speech']} s of sound"
    if not long_enough.any():
        raise ValueError(f"{names}: {short} (recipe key speech.trim); use longer recordings")
    if not long_enough.all():
        dropped.append(f"speech.manifest: {short} (speech.trim)")
    table = rows.assign(first_frame=first, frames=frames, duration=span)
    return table[long_enough].reset_index(drop=True)


def _speech(rows: pd.DataFrame) -> SpeechSources:
    speaker = rows["speaker"].astype(object).where(rows["speaker"].notna(), None)
    group = rows["group"].fillna("")
    unit = [f"speaker {s}" if s is not None else f"folder {r}/{g}" for s, r, g in
            zip(speaker, rows["root_name"], group, strict=True)]  # fmt: skip
    bandwidth = rows["effective_bandwidth"].fillna(np.inf)
    first_frame = rows.get("first_frame", 0)
    table = rows.assign(unit=unit, speaker=speaker, effective_bandwidth=bandwidth, first_frame=first_frame)
    table = table.astype(COUNTS).sort_values(["unit", "path"], ignore_index=True)
    first, count = _ranges(table["unit"])
    return SpeechSources(table, first[1], count[1], table["speaker"].notna().to_numpy())


def _noise(listed: pd.DataFrame | None, generated: tuple[str, ...]) -> NoiseSources:
    rows = generated_rows(generated)
    if listed is not None:
        rows = pd.concat([listed, rows], ignore_index=True)
    label = rows["class"].fillna(rows["group"]).fillna(UNLABELLED)
    rows = rows.assign(**{"class": label}, kind=rows["path"].where(rows["root_name"] == GENERATED_ROOT, None))
    rows.loc[rows["kind"].notna(), ["root_name", "path"]] = None
    table = (
        rows.fillna(dict.fromkeys(COUNTS, 1))
        .astype(COUNTS)
        .sort_values(["class", "path", "kind"], na_position="last", ignore_index=True)
    )
    first, count = _ranges(table["class"])
    return NoiseSources(table, list(dict.fromkeys(table["class"])), first[0], count[0])


def _rooms(rows: pd.DataFrame) -> RoomSources:
    room = rows["group"].fillna(rows["path"])
    table = rows.assign(room=room).astype(COUNTS).sort_values(["root_name", "room", "path"], ignore_index=True)
    first, count = _ranges(table["root_name"] + "/" + table["room"])
    return RoomSources(table, first[1], count[1])


def _ranges(label: pd.Series) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """First row and number of rows of every run of equal labels: per run, and spread over the rows."""
    starts = np.flatnonzero(np.append(True, label.to_numpy()[1:] != label.to_numpy()[:-1]))
    counts = np.diff(np.append(starts, len(label)))
    return (starts, np.repeat(starts, counts)), (counts, np.repeat(counts, counts))
