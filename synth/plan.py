"""The plan: every draw of every item, one row each, before anything is rendered.

All draws are keyed by (seed, split, stage) and counted by item: any item can be drawn alone, in any order, and
a new stage leaves the draws of all others as they were.
"""

import numpy as np
import pandas as pd

from percepkit.dsp.draws import key_of, uniform, words
from percepkit.synth.recipe import Recipe
from percepkit.synth.sources import NoiseSources, Sources, SpeechSources

__all__ = ["BABBLE_VOICES", "CROSSFADE_SECONDS", "TEXT", "draw_plan"]

BABBLE_VOICES = 6
CROSSFADE_SECONDS = 0.05  # equal-power, where a noise recording is looped
#: Columns of text; missing values are null.
TEXT = ("item_id", "speaker", "noise_class", "noise_kind", "generated", "noise_key", "room", "rir_root",
        "rir_path", "snr_kind")  # fmt: skip
SHORTEST_SECONDS = 0.25  # an utterance is not cut shorter than this at the end of an item


def draw_plan(recipe: Recipe, sources: Sources, *, first: int = 0, count: int | None = None) -> pd.DataFrame:
    """Draw items ``first`` to ``first + count - 1`` of a recipe (all of them by default).

    Returns
    -------
    DataFrame
        One row an item. ``speech`` and ``noise`` hold lists of segments: root_name, path, channel, ``start``
        and ``frames`` at the file's own rate, ``at`` and ``length`` in samples of the item, for speech also
        ``bandwidth_hz``. For babble, each segment is a voice.
    """
    count = recipe.items - first if count is None else count
    draw = _Draws(recipe, first, count)
    speech = _draw_speech(recipe, sources.speech, draw)
    plan = pd.DataFrame({"item": np.arange(first, first + count)})
    plan["item_id"] = [f"{item:06d}" for item in plan["item"]]
    plan["shard"] = plan["item"] // recipe.items_per_shard
    plan["speaker"] = sources.speech.table["speaker"].to_numpy()[speech.file[0]]
    plan["speech"] = _segment_lists(sources.speech.table, speech, count)
    plan = plan.join(_draw_noise(recipe, sources, speech.file[0], draw))
    plan = plan.join(_draw_rooms(recipe, sources.rooms, draw))
    condition = draw("condition")
    plan["snr_db"] = recipe.snr_db.sample(condition[0])
    plan["snr_kind"] = recipe.snr_kind
    plan["level_dbfs"] = recipe.level_dbfs.sample(condition[1])
    # One type, however many items are drawn and even where none of them has a value.
    return plan.astype(dict.fromkeys(TEXT, "string"))


class _Draws:
    """Uniform draws of a stage, four per item."""

    def __init__(self, recipe: Recipe, first: int, count: int) -> None:
        self.recipe, self.first, self.count = recipe, first, count

    def __call__(self, stage: str) -> np.ndarray:
        """Draws in (0, 1), shape (4, items)."""
        return uniform(words(self.key(stage), self.first, self.count)).T

    def key(self, stage: str) -> int:
        return key_of(self.recipe.seed, self.recipe.split, stage)


def _pick(u: np.ndarray, n: np.ndarray | int) -> np.ndarray:
    return np.minimum((u * n).astype(np.int64), np.asarray(n) - 1)


class _Segments:
    """Columns of segments in the order they were drawn: lists of arrays over items, -1 where there is none."""

    def __init__(self) -> None:
        self.file: list[np.ndarray] = []
        self.columns: list[dict[str, np.ndarray]] = []

    def add(self, file: np.ndarray, **columns: np.ndarray) -> None:
        self.file.append(file)
        self.columns.append(columns)


def _draw_speech(recipe: Recipe, sources: SpeechSources, draw: _Draws) -> _Segments:
    table, rate = sources.table, recipe.sample_rate
    frames, file_rate = table["frames"].to_numpy(np.int64), table["sample_rate"].to_numpy(np.int64)
    channels = table["channels"].to_numpy(np.int64)
    bandwidth = table["effective_bandwidth"].fillna(np.inf).to_numpy(np.float64)
    shortest = int(SHORTEST_SECONDS * rate)
    share = np.cumsum(table["duration"].to_numpy(np.float64))
    u = draw("speech file")
    file = np.minimum(np.searchsorted(share, u[0] * share[-1], side="right"), len(table) - 1)
    position = np.zeros(draw.count, np.int64)
    open_items = np.ones(draw.count, bool)
    segments, step = _Segments(), 0
    while open_items.any():
        u = draw(f"speech segment {step}")
        if step > 0:
            joined = sources.first[file] + _pick(u[0], sources.count[file])
            file = np.where(sources.joinable[file], joined, file)
        at = position + np.rint(recipe.speech.pause_seconds.sample(u[1]) * rate).astype(np.int64).clip(min=0)
        if step == 0:  # every item speaks, however long the pause before
            at = np.minimum(at, recipe.n_samples - shortest)
        room = recipe.n_samples - at
        open_items = open_items & (room >= shortest)
        at, room = np.where(open_items, at, 0), np.where(open_items, room, recipe.n_samples)
        wanted = -(-room * file_rate[file] // rate)
        spare = np.maximum(frames[file] - wanted, 0)
        start = _pick(u[2], spare + 1) if step == 0 else np.zeros_like(spare)
        length = np.minimum(room, (frames[file] - start) * rate // file_rate[file])
        segments.add(
            np.where(open_items, file, -1),
            channel=_pick(u[3], channels[file]), start=start, at=at, length=length,
            frames=np.minimum(wanted, frames[file] - start), bandwidth_hz=bandwidth[file],
        )  # fmt: skip
        position = at + length
        step += 1
    return segments


def _draw_noise(recipe: Recipe, sources: Sources, talker: np.ndarray, draw: _Draws) -> pd.DataFrame:
    noise = sources.noise
    u = draw("noise")
    label = _pick(u[0], len(noise.classes))
    member = noise.first[label] + _pick(u[1], noise.count[label])
    kind = noise.table["kind"].to_numpy(object)[member]
    generated = np.array([k is not None for k in kind])
    segments = _loop_noise(recipe, noise, np.where(generated, -1, member), u[2], draw("noise start")[0])
    lists = _segment_lists(noise.table, segments, draw.count)
    babble = np.flatnonzero(kind == "babble")
    voices = _segment_lists(sources.speech.table, _draw_voices(recipe, sources.speech, talker, draw), draw.count)
    for item in babble:
        lists[item] = voices[item]
    # A generated noise is a row too: its kind and the key from which its samples unfold.
    keys = [
        f"{key_of(draw.key('noise key'), draw.first + i):032x}" if g else None for i, g in enumerate(generated)
    ]
    return pd.DataFrame({
        "noise_class": np.array(noise.classes, dtype=object)[label],
        "noise_kind": np.where(generated, "generated", "file"),
        "generated": kind,
        "noise_key": keys,
        "noise": lists,
    })  # fmt: skip


def _loop_noise(
    recipe: Recipe, noise: NoiseSources, file: np.ndarray, channel: np.ndarray, start: np.ndarray
) -> _Segments:
    """One pass where the recording is long enough, else passes that overlap by the crossfade."""
    segments = _Segments()
    if (file < 0).all():
        return segments
    rate, n = recipe.sample_rate, recipe.n_samples
    table = noise.table.iloc[np.maximum(file, 0)]
    frames, file_rate, channels = (table[name].to_numpy() for name in ("frames", "sample_rate", "channels"))
    whole = frames * rate // file_rate  # length of a pass in samples of the item
    fade = np.minimum(int(CROSSFADE_SECONDS * rate), whole // 4)
    spare = np.maximum(frames - -(-n * file_rate // rate), 0)
    # A long recording starts where all of the item fits; a short one anywhere, then again from its start.
    begin = np.where(spare > 0, _pick(start, spare + 1), _pick(start, np.maximum(frames * 3 // 4, 1)))
    at = np.zeros(len(file), np.int64)
    open_items = file >= 0
    while open_items.any():
        length = np.minimum(n - at, (frames - begin) * rate // file_rate)
        wanted = np.minimum(-(-length * file_rate // rate), frames - begin)
        segments.add(
            np.where(open_items, file, -1),
            channel=_pick(channel, channels), start=begin, at=at, length=length, frames=wanted,
        )  # fmt: skip
        ends = at + length
        open_items = open_items & (ends < n)
        at = np.where(open_items, np.maximum(ends - fade, 0), 0)
        begin = np.zeros_like(begin)
    return segments


def _draw_voices(recipe: Recipe, speech: SpeechSources, talker: np.ndarray, draw: _Draws) -> _Segments:
    segments = _Segments()
    if "babble" not in recipe.noise.generated:
        return segments
    table, rate = speech.table, recipe.sample_rate
    frames, file_rate = table["frames"].to_numpy(np.int64), table["sample_rate"].to_numpy(np.int64)
    for voice in range(BABBLE_VOICES):
        u = draw(f"babble voice {voice}")
        file = _pick(u[0], len(table) - speech.count[talker])
        file = file + np.where(file >= speech.first[talker], speech.count[talker], 0)
        wanted = np.minimum(frames[file], -(-recipe.n_samples * file_rate[file] // rate))
        zero = np.zeros(len(file), np.int64)
        length = wanted * rate // file_rate[file]
        segments.add(file, channel=zero, start=zero, at=zero, length=length, frames=wanted)
    return segments


def _draw_rooms(recipe: Recipe, rooms: pd.DataFrame | None, draw: _Draws) -> pd.DataFrame:
    if recipe.rooms is None or rooms is None:
        names = pd.DataFrame(
            dict.fromkeys(["room", "rir_root", "rir_path"]), index=range(draw.count), dtype=object
        )
        return names.assign(rir_channel=-1, rt60=np.nan, drr=np.nan, c50=np.nan)
    u = draw("room")
    rows = rooms.iloc[_pick(u[1], len(rooms))].reset_index(drop=True)
    placed = pd.Series(u[0] < recipe.rooms.share)
    room = rows["group"].fillna(rows["path"])
    chosen = pd.DataFrame({"room": room, "rir_root": rows["root_name"], "rir_path": rows["path"]}, dtype=object)
    chosen = chosen.where(placed, None)
    chosen["rir_channel"] = np.where(placed, _pick(u[2], rows["channels"].to_numpy(np.int64)), -1)
    for name in ("rt60", "drr", "c50"):
        chosen[name] = rows[name].astype(np.float64).where(placed)
    return chosen


def _segment_lists(table: pd.DataFrame, segments: _Segments, count: int) -> list[list[dict[str, object]]]:
    lists: list[list[dict[str, object]]] = [[] for _ in range(count)]
    if not segments.file:
        return lists
    root, path = table["root_name"].to_numpy(object), table["path"].to_numpy(object)
    for file, columns in zip(segments.file, segments.columns, strict=True):
        items = np.flatnonzero(file >= 0)
        values = [columns[name][items].tolist() for name in columns]
        for item, f, *numbers in zip(items.tolist(), file[items].tolist(), *values, strict=True):
            segment = dict(zip(columns, numbers, strict=True))
            lists[item].append({"root_name": root[f], "path": path[f], **segment})
    return lists
