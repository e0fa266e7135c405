"""The plan: every draw of every item, one row each, before anything is rendered.

All draws are keyed by (seed, split, stage) and counted by item: any item can be drawn alone, in any order, and
a new stage leaves the draws of all others as they were.
"""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa

from percepkit.synth.noise_plan import draw_noise
from percepkit.synth.pair_plan import draw_pairs
from percepkit.synth.pair_sources import PairSources
from percepkit.synth.recipe import Recipe
from percepkit.synth.segments import SEGMENTS, Draws, Segments, pick
from percepkit.synth.sources import Sources, SpeechSources

__all__ = ["PLAN_TYPES", "TEXT", "draw_plan", "plan_chunks"]

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
CHANGES = ("rt60_seconds", "drr_db", "early_gain")  # of a room's response
ROOM_NUMBERS = ("rt60", "drr", "c50", *(f"asked_{name}" for name in CHANGES))
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
    plan = pd.DataFrame({"item": np.arange(first, first + count)})
    plan["item_id"] = [f"{item:06d}" for item in plan["item"]]
    plan["shard"] = plan["item"] // recipe.items_per_shard
    condition = draw("condition")
    if isinstance(sources, PairSources):
        plan = plan.join(draw_pairs(recipe, sources, draw)).join(_draw_rooms(recipe, None, draw))
        plan["snr_db"] = np.nan  # it is what it is
    else:
        plan = _draw_mixtures(plan, recipe, sources, draw)
        plan["snr_db"] = recipe.mixing.snr_db.sample(condition[0])
        plan["snr_db"] = plan["snr_db"].where((plan["speech"].map(len) > 0) & (plan["noise_kind"] != "none"))
    plan["snr_kind"] = recipe.snr_kind
    plan["level_dbfs"] = recipe.level_dbfs.sample(condition[1])
    plan["degradations"] = _draw_degradations(recipe, draw)
    # One type, however many items are drawn and even where none of them has a value.
    return plan.astype(dict.fromkeys(TEXT, "string"))


def _draw_mixtures(plan: pd.DataFrame, recipe: Recipe, sources: Sources, draw: Draws) -> pd.DataFrame:
    speech, talker = _draw_speech(recipe, sources.speech, draw)
    plan["speech"] = speech.lists()
    speaks = (plan["speech"].map(len) > 0).to_numpy()
    plan["speaker"] = np.where(speaks, sources.speech.table["speaker"].to_numpy(object)[talker], None)
    noise = recipe.mixing.noise
    plan = plan.join(draw_noise(recipe, noise, sources.noise, sources.speech, talker, draw, always=~speaks))
    plan["layers"] = _draw_layers(recipe, sources, talker, draw)
    return plan.join(_draw_rooms(recipe, sources.rooms, draw))


def _draw_speech(recipe: Recipe, sources: SpeechSources, draw: Draws) -> tuple[Segments, np.ndarray]:
    table, rate, section = sources.table, recipe.sample_rate, recipe.mixing.speech
    frames, file_rate = table["frames"].to_numpy(np.int64), table["sample_rate"].to_numpy(np.int64)
    channels = table["channels"].to_numpy(np.int64)
    bandwidth = table["effective_bandwidth"].fillna(np.inf).to_numpy(np.float64)
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
            channel=pick(u[3], channels[file]), start=start, at=at, length=length,
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
        drawn.insert(0, "snr_db", layer.snr_db.sample(draw(f"{prefix}condition")[0]))
        drawn.insert(0, "name", name)
        for items, row in zip(lists, drawn.to_dict("records"), strict=True):
            if row["noise_kind"] != "none":
                items.append({str(key): value for key, value in row.items()})
    return lists


def _draw_rooms(recipe: Recipe, rooms: pd.DataFrame | None, draw: Draws) -> pd.DataFrame:
    if recipe.rooms is None or rooms is None:
        names = ["room", "rir_root", "rir_path", "rir_key", "noise_rir_path"]
        empty = pd.DataFrame(dict.fromkeys(names), index=range(draw.count), dtype=object)
        return empty.assign(
            rir_channel=-1, rir_rate=0, noise_rir_channel=-1, **dict.fromkeys(ROOM_NUMBERS, np.nan)
        )
    u = draw("room")
    position = pick(u[1], len(rooms))
    rows = rooms.iloc[position].reset_index(drop=True)
    placed = pd.Series(u[0] < recipe.rooms.share)
    room = rows["group"].fillna(rows["path"])
    chosen = pd.DataFrame({"room": room, "rir_root": rows["root_name"], "rir_path": rows["path"]}, dtype=object)
    chosen = chosen.where(placed, None)
    chosen["rir_channel"] = np.where(placed, pick(u[2], rows["channels"].to_numpy(np.int64)), -1)
    chosen["rir_rate"] = np.where(placed, rows["sample_rate"].to_numpy(np.int64), 0)
    for name in ("rt60", "drr", "c50"):
        chosen[name] = rows[name].astype(np.float64).where(placed)
    change = draw("room change")
    for name, u_change in zip(CHANGES, change, strict=False):
        distribution = getattr(recipe.rooms, name)
        drawn = np.nan if distribution is None else distribution.sample(u_change)
        chosen[f"asked_{name}"] = pd.Series(drawn, index=chosen.index).where(placed)
    chosen["rir_key"] = pd.Series(draw.item_keys("room key") if recipe.rooms.rt60_seconds else None, dtype=object)
    others = _other_positions(rooms)
    v = draw("noise position")
    elsewhere = np.array([len(others[p]) for p in position])
    moved = placed & (v[0] < recipe.rooms.noise_share) & (elsewhere > 0)
    second = np.array(
        [others[p][int(w * n)] if n else 0 for p, w, n in zip(position, v[1], elsewhere, strict=True)]
    )
    chosen["noise_rir_path"] = np.where(moved, rooms["path"].to_numpy(object)[second], None)
    chosen["noise_rir_channel"] = np.where(moved, pick(v[2], rooms["channels"].to_numpy(np.int64)[second]), -1)
    return chosen


def _other_positions(rooms: pd.DataFrame) -> list[np.ndarray]:
    """For each response, those of the same room: of the same group and root, in other files."""
    room = rooms["root_name"] + "/" + rooms["group"].fillna(rooms["path"])
    members = {name: np.array(list(rows)) for name, rows in room.groupby(room).indices.items()}
    return [members[name][members[name] != row] for row, name in enumerate(room)]


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
