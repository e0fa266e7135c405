"""Drawing of the sounds beside the speech: the background noise and the layers of a recipe."""

from typing import Any

import numpy as np

from percepkit.synth.recipe import Layer, Noise, Recipe
from percepkit.synth.segments import Draws, Segments, pick
from percepkit.synth.sources import NoiseSources, SpeechSources

__all__ = ["BABBLE_VOICES", "COURSE_SECONDS", "CROSSFADE_SECONDS", "draw_noise"]

BABBLE_VOICES = 6
CROSSFADE_SECONDS = 0.05  # equal-power, where a noise recording is looped
COURSE_SECONDS = 2.0  # between the levels that a noise follows
EVENT_SECONDS = 3.0  # a longer recording gives a piece of this length


def draw_noise(
    recipe: Recipe,
    layer: Noise,
    sources: NoiseSources | None,
    speech: SpeechSources,
    talker: np.ndarray,
    draw: Draws,
    prefix: str = "",
    *,
    always: np.ndarray | None = None,
) -> dict[str, list[Any]]:
    """Draw one layer for every item.

    Parameters
    ----------
    layer : Noise
        The recipe's background or one of its layers.
    sources : NoiseSources, or None
        What the layer is drawn from; None for talkers.
    talker : int64 array, shape (items,)
        Row of each item's talker among the speech files, whose voice no layer may have.
    prefix : str
        Put before the stages' names, so that no two layers share a draw.
    always : bool array, shape (items,), optional
        Items that have the layer whatever its share, as they would be empty without.

    Returns
    -------
    dict of list
        Columns noise_class, noise_kind ("file", "generated", "talkers", "events" or "none"), generated, noise_key,
        noise (segments; of talkers and babble each is a voice) and course_db (levels every two seconds).
    """
    u = draw(f"{prefix}noise")
    present = u[3] < layer.share
    if always is not None:
        present |= always
    voices = layer.talkers if isinstance(layer, Layer) else 0
    if sources is None:
        columns = _talkers(recipe, speech, talker, draw, prefix, voices)
    elif isinstance(layer, Layer) and layer.events is not None:
        columns = _events(recipe, layer, sources, draw, prefix)
    else:
        columns = _steady(recipe, sources, speech, talker, draw, prefix)
    columns["course_db"] = _courses(recipe, layer, draw, prefix)
    there = [p and (kind == "generated" or bool(segments)) for p, kind, segments in
             zip(present.tolist(), columns["noise_kind"], columns["noise"], strict=True)]  # fmt: skip
    if not all(there):
        empty = {"noise_class": "none", "noise_kind": "none", "generated": None, "noise_key": None}
        for name, values in columns.items():
            columns[name] = [v if kept else empty.get(name, []) for v, kept in zip(values, there, strict=True)]
    return columns


def _courses(recipe: Recipe, layer: Noise, draw: Draws, prefix: str) -> list[list[float]]:
    if layer.course_db.bounds() == (0.0, 0.0):
        return [[] for _ in range(draw.count)]
    knots = int(np.ceil(recipe.item_seconds / COURSE_SECONDS)) + 1
    u = np.concatenate([draw(f"{prefix}noise course {k}") for k in range(-(-knots // 4))])[:knots]
    levels: list[list[float]] = layer.course_db.sample(u).T.tolist()
    return levels


def _steady(
    recipe: Recipe, noise: NoiseSources, speech: SpeechSources, talker: np.ndarray, draw: Draws, prefix: str
) -> dict[str, list[Any]]:
    u = draw(f"{prefix}noise")
    label = pick(u[0], len(noise.classes))
    member = noise.first[label] + pick(u[1], noise.count[label])
    kind = noise.table["kind"].to_numpy(object)[member].tolist()
    generated = np.array([k is not None for k in kind])
    start = draw(f"{prefix}noise start")[0]
    lists = _loop(recipe, noise, np.where(generated, -1, member), u[2], start)
    babble = [item for item, k in enumerate(kind) if k == "babble"]
    if babble:
        voices = _voices(recipe, speech, talker, draw, prefix, BABBLE_VOICES)
        for item in babble:
            lists[item] = voices[item]
    # A generated noise is a row too: its kind and the key from which its samples unfold.
    keys = draw.item_keys(f"{prefix}noise key") if generated.any() else [""] * draw.count
    return {
        "noise_class": [noise.classes[number] for number in label],
        "noise_kind": ["generated" if g else "file" for g in generated],
        "generated": kind,
        "noise_key": [k if g else None for k, g in zip(keys, generated, strict=True)],
        "noise": lists,
    }


def _loop(
    recipe: Recipe, noise: NoiseSources, file: np.ndarray, channel: np.ndarray, start: np.ndarray
) -> list[list[dict[str, object]]]:
    """One pass where the recording is long enough, else passes that overlap by the crossfade."""
    segments = Segments(noise.table, len(file))
    rate, n = recipe.sample_rate, recipe.n_samples
    frames, file_rate, channels = _counts(noise, np.maximum(file, 0))
    whole = frames * rate // file_rate  # length of a pass in samples of the item
    fade = np.minimum(int(CROSSFADE_SECONDS * rate), whole // 4)
    spare = np.maximum(frames - -(-n * file_rate // rate), 0)
    # A long recording starts where all of the item fits; a short one anywhere, then again from its start.
    begin = np.where(spare > 0, pick(start, spare + 1), pick(start, np.maximum(frames * 3 // 4, 1)))
    at = np.zeros(len(file), np.int64)
    open_items = file >= 0
    while open_items.any():
        length = np.minimum(n - at, (frames - begin) * rate // file_rate)
        wanted = np.minimum(-(-length * file_rate // rate), frames - begin)
        segments.add(
            np.where(open_items, file, -1),
            channel=pick(channel, channels), start=begin, at=at, length=length, frames=wanted,
        )  # fmt: skip
        ends = at + length
        open_items = open_items & (ends < n)
        at = np.where(open_items, np.maximum(ends - fade, 0), 0)
        begin = np.zeros_like(begin)
    return segments.lists()


def _counts(noise: NoiseSources, rows: np.ndarray) -> list[np.ndarray]:
    return [noise.table[name].to_numpy()[rows] for name in ("frames", "sample_rate", "channels")]


def _events(recipe: Recipe, layer: Layer, noise: NoiseSources, draw: Draws, prefix: str) -> dict[str, list[Any]]:
    """Pieces of recordings, each at a place of its own; all of an item's are of one class."""
    rate, n = recipe.sample_rate, recipe.n_samples
    u = draw(f"{prefix}noise")
    label = pick(u[0], len(noise.classes))
    segments = Segments(noise.table, draw.count)
    if layer.events is None:
        raise ValueError("this layer has no `events`")
    count = np.rint(layer.events.sample(u[2])).astype(np.int64)
    for event in range(int(count.max(initial=0))):
        v = draw(f"{prefix}noise event {event}")
        member = noise.first[label] + pick(v[0], noise.count[label])
        frames, file_rate, channels = _counts(noise, member)
        wanted = np.minimum(frames, (EVENT_SECONDS * file_rate).astype(np.int64))
        wanted = np.minimum(wanted, n * file_rate // rate)
        length = np.maximum(wanted * rate // file_rate, 1)
        segments.add(
            np.where(event < count, member, -1),
            channel=pick(v[3], channels), start=pick(v[1], frames - wanted + 1),
            at=pick(v[2], n - length + 1), length=length, frames=wanted,
        )  # fmt: skip
    return {
        "noise_class": [noise.classes[number] for number in label],
        "noise_kind": ["events"] * draw.count,
        "generated": [None] * draw.count,
        "noise_key": [None] * draw.count,
        "noise": segments.lists(),
    }


def _talkers(
    recipe: Recipe, speech: SpeechSources, talker: np.ndarray, draw: Draws, prefix: str, voices: int
) -> dict[str, list[Any]]:
    return {
        "noise_class": ["talker" if voices == 1 else "talkers"] * draw.count,
        "noise_kind": ["talkers"] * draw.count,
        "generated": [None] * draw.count,
        "noise_key": draw.item_keys(f"{prefix}noise key"),
        "noise": _voices(recipe, speech, talker, draw, prefix, voices),
    }


def _voices(
    recipe: Recipe, speech: SpeechSources, talker: np.ndarray, draw: Draws, prefix: str, voices: int
) -> list[list[dict[str, object]]]:
    table, rate = speech.table, recipe.sample_rate
    segments = Segments(table, draw.count)
    frames, offset, file_rate = (
        table[name].to_numpy(np.int64) for name in ("frames", "first_frame", "sample_rate")
    )
    for voice in range(voices):
        u = draw(f"{prefix}babble voice {voice}")
        file = pick(u[0], len(table) - speech.count[talker])
        file = file + np.where(file >= speech.first[talker], speech.count[talker], 0)
        wanted = np.minimum(frames[file], -(-recipe.n_samples * file_rate[file] // rate))
        zero = np.zeros(len(file), np.int64)
        length = wanted * rate // file_rate[file]
        segments.add(file, channel=zero, start=offset[file], at=zero, length=length, frames=wanted)
    return segments.lists()
