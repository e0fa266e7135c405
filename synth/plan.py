"""The plan: every draw of every item, one row each, before anything is rendered.

All draws are keyed by (seed, split, stage) and counted by item: any item can be drawn alone, in any order, and
a new stage leaves the draws of all others as they were.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from percepkit.synth.noise_plan import draw_noise
from percepkit.synth.pair_plan import draw_pairs
from percepkit.synth.pair_sources import PairSources
from percepkit.synth.recipe import Recipe
from percepkit.synth.room_plan import draw_rooms
from percepkit.synth.segments import SEGMENTS, Draws, Segments, pick
from percepkit.synth.sources import Sources, SpeechSources

__all__ = ["PLAN_TYPES", "TEXT", "draw_plan", "plan_chunks", "plan_rows"]

#: Columns of text; missing values are null.
TEXT = ("item_id", "speaker", "noise_class", "noise_kind", "generated", "noise_key", "room", "rir_root",
        "rir_path", "rir_key", "noise_rir_path", "snr_kind", "degradations")  # fmt: skip
#: Types of the columns that hold lists: empty ones do not tell.
PLAN_TYPES = {
    "speech": SEGMENTS,
    "noise": SEGMENTS,
    "course_db": pa.list_(pa.float64()),
    "layers": pa.list_(pa.struct({
        "name": pa.string(), "snr_db": pa.float64(), "noise_class": pa.string(), "noise_kind": pa.string(),
        "generated": pa.string(), "noise_key": pa.string(), "noise": SEGMENTS, "course_db": pa.list_(pa.float64()),
    })),
}  # fmt: skip
Row = dict[str, object]
CHUNK_ITEMS = 10_000
SHORTEST_SECONDS = 0.25  # an utterance is not cut shorter than this at the end of an item


def plan_chunks(recipe: Recipe, sources: Sources | PairSources) -> Iterator[pd.DataFrame]:
    """The whole plan, `CHUNK_ITEMS` items at a time: memory stays constant however many there are."""
    for first in range(0, recipe.items, CHUNK_ITEMS):
        yield draw_plan(recipe, sources, first=first, count=min(CHUNK_ITEMS, recipe.items - first))


def draw_plan(
    recipe: Recipe, sources: Sources | PairSources, *, first: int = 0, count: int | None = None
) -> pd.DataFrame:
    """Draw items ``first`` to ``first + count - 1`` of a recipe (all of them by default).

    Returns
    -------
    DataFrame
        One row an item. ``speech`` and ``noise`` hold lists of segments: root_name, path, channel, ``start``
        and ``frames`` at the file's own rate, ``at`` and ``length`` in samples of the item, for speech also
        ``speed`` and ``bandwidth_hz``. Of babble and talkers, each segment is a voice. ``layers`` holds the sounds
        beside the background noise, with the same columns; ``degradations`` is JSON: a list of kind, to, target,
        parameters and key. Where an item has no speech or no noise its list is empty and ``snr_db`` is null. Of
        ready-made pairs, see `percepkit.synth.pair_plan.draw_pairs`.
    """
    count = recipe.items - first if count is None else count
    draw = Draws(recipe, first, count)
    number, condition = np.arange(first, first + count), draw("condition")
    columns: dict[str, Any] = {"item": number, "item_id": [f"{item:06d}" for item in number.tolist()],
                               "shard": number // recipe.items_per_shard}  # fmt: skip
    if isinstance(sources, PairSources):
        columns |= draw_pairs(recipe, sources, draw) | draw_rooms(recipe, None, draw)
        columns["snr_db"] = np.nan  # it is what it is
    else:
        columns |= _draw_mixtures(recipe, sources, draw)
        apart = [bool(s) and kind != "none" for s, kind in
                 zip(columns["speech"], columns["noise_kind"], strict=True)]  # fmt: skip
        columns["snr_db"] = np.where(apart, recipe.mixing.snr_db.sample(condition[0]), np.nan)
    columns |= {"snr_kind": [recipe.snr_kind] * count, "level_dbfs": recipe.level_dbfs.sample(condition[1]),
                "degradations": _draw_degradations(recipe, draw)}  # fmt: skip
    # One type, however many items are drawn and even where none of them has a value.
    texts = {name: pd.array(columns[name], dtype="string") for name in TEXT}
    return pd.DataFrame(columns | texts, index=range(count))


def plan_rows(plan: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows of a plan as a renderer takes them, nulls as None; `DataFrame.to_dict` takes six times as long."""
    names = [str(name) for name in plan]
    for values in zip(*(plan[name].tolist() for name in names), strict=True):
        yield {name: None if value is pd.NA else value for name, value in zip(names, values, strict=True)}


def _draw_mixtures(recipe: Recipe, sources: Sources, draw: Draws) -> dict[str, Any]:
    segments, talker = _draw_speech(recipe, sources.speech, draw)
    speech = segments.lists()
    speaks = np.array([bool(s) for s in speech])
    speaker = np.where(speaks, sources.speech.table["speaker"].to_numpy(object)[talker], None)
    noise = draw_noise(recipe, recipe.mixing.noise, sources.noise, sources.speech, talker, draw, always=~speaks)
    layers = _draw_layers(recipe, sources, talker, draw)
    rooms = draw_rooms(recipe, sources.rooms, draw)
    return {"speech": speech, "speaker": speaker} | noise | {"layers": layers} | rooms


def _draw_speech(recipe: Recipe, sources: SpeechSources, draw: Draws) -> tuple[Segments, np.ndarray]:
    table, rate, section = sources.table, recipe.sample_rate, recipe.mixing.speech
    frames, offset, file_rate, channels, bandwidth = (
        table[name].to_numpy()
        for name in ("frames", "first_frame", "sample_rate", "channels", "effective_bandwidth")
    )
    shortest = int(SHORTEST_SECONDS * rate)
    share = np.cumsum(table["duration"].to_numpy(np.float64))
    u = draw("speech file")
    file = talker = np.minimum(np.searchsorted(share, u[0] * share[-1], side="right"), len(table) - 1)
    position = np.zeros(draw.count, np.int64)
    open_items = u[1] < section.share
    speed = section.speed.sample(u[2])
    segments, step = Segments(table, draw.count), 0
    while open_items.any():
        u = draw(f"speech segment {step}")
        if step > 0:
            joined = sources.first[file] + pick(u[0], sources.count[file])
            file = np.where(sources.joinable[file], joined, file)
        at = position + np.rint(section.pause_seconds.sample(u[1]) * rate).astype(np.int64).clip(min=0)
        if step == 0:  # every item speaks, however long the pause before
            at = np.minimum(at, recipe.n_samples - shortest)
        room = recipe.n_samples - at
        open_items = open_items & (room >= shortest)
        at, room = np.where(open_items, at, 0), np.where(open_items, room, recipe.n_samples)
        pace = file_rate[file] * speed  # samples of the file for a second of the item
        wanted = np.ceil(room * pace / rate).astype(np.int64)
        spare = np.maximum(frames[file] - wanted, 0)
        start = pick(u[2], spare + 1) if step == 0 else np.zeros_like(spare)
        length = np.minimum(room, ((frames[file] - start) * rate / pace).astype(np.int64))
        segments.add(
            np.where(open_items, file, -1),
            channel=pick(u[3], channels[file]), start=offset[file] + start, at=at, length=length,
            frames=np.minimum(wanted, frames[file] - start), speed=speed, bandwidth_hz=bandwidth[file] * speed,
        )  # fmt: skip
        position = at + length
        step += 1
    return segments, talker


def _draw_layers(
    recipe: Recipe, sources: Sources, talker: np.ndarray, draw: Draws
) -> list[list[dict[str, object]]]:
    lists: list[list[dict[str, object]]] = [[] for _ in range(draw.count)]
    for name, layer in recipe.layers.items():
        prefix = f"layer {name} "
        drawn = draw_noise(recipe, layer, sources.layers[name], sources.speech, talker, draw, prefix)
        snrs_db = layer.snr_db.sample(draw(f"{prefix}condition")[0]).tolist()
        for items, snr_db, *values in zip(lists, snrs_db, *drawn.values(), strict=True):
            row = dict(zip(drawn, values, strict=True))
            if row["noise_kind"] != "none":
                items.append({"name": name, "snr_db": snr_db} | row)
    return lists


def _draw_degradations(recipe: Recipe, draw: Draws) -> list[str]:
    lists: list[list[Row]] = [[] for _ in range(draw.count)]
    for number, step in enumerate(recipe.degradations):
        earlier = sum(other.kind == step.kind for other in recipe.degradations[:number])
        stage = f"degradation {step.kind} {earlier}"
        present = np.flatnonzero(draw(stage)[0] < step.share)
        u = np.vstack([draw(f"{stage} {name}")[0] for name in step.parameters] or [np.zeros(draw.count)]).T
        parameters, keys = step.draw(u), draw.item_keys(stage)
        for item in present:
            lists[item].append({
                "kind": step.kind, "to": step.to, "target": step.target,
                "parameters": parameters[item], "key": keys[item],
            })  # fmt: skip
    return [json.dumps(steps) for steps in lists]
