"""Drawing of rooms: which response an item's speech is in, what is changed of it, and where its noise stands."""

from typing import Any

import numpy as np

from percepkit.synth.recipe import Recipe
from percepkit.synth.segments import Draws, pick
from percepkit.synth.sources import RoomSources

__all__ = ["draw_rooms"]

CHANGES = ("rt60_seconds", "drr_db", "early_gain")  # of a room's response
NUMBERS = ("rt60", "drr", "c50", *(f"asked_{name}" for name in CHANGES))
TEXTS = ("room", "rir_root", "rir_path", "rir_key", "noise_rir_path")


def draw_rooms(recipe: Recipe, rooms: RoomSources | None, draw: Draws) -> dict[str, Any]:
    """Draw the room of every item.

    Returns
    -------
    dict of columns
        room, rir_root, rir_path, rir_channel and rir_rate (Hz) of the speech's response; what the manifest says
        about it (rt60, drr, c50), what the recipe asks of it (asked_rt60_seconds, asked_drr_db, asked_early_gain)
        and the key of what is made up for it; noise_rir_path and noise_rir_channel of the background noise in the
        same room. Null, NaN and -1 (of the rate 0) where there is none.
    """
    if recipe.rooms is None or rooms is None:
        nothing: list[None] = [None] * draw.count
        numbers = dict.fromkeys(NUMBERS, np.nan) | {"rir_channel": -1, "rir_rate": 0, "noise_rir_channel": -1}
        return dict.fromkeys(TEXTS, nothing) | numbers
    u, table = draw("room"), rooms.table
    place = pick(u[1], len(table))
    placed = u[0] < recipe.rooms.share

    def text(name: str, rows: np.ndarray = place, where: np.ndarray = placed) -> np.ndarray:
        values: np.ndarray = table[name].to_numpy(object)[rows]
        values[~where] = None
        return values

    channels = table["channels"].to_numpy()
    columns: dict[str, Any] = {
        "room": text("room"), "rir_root": text("root_name"), "rir_path": text("path"),
        "rir_channel": np.where(placed, pick(u[2], channels[place]), -1),
        "rir_rate": np.where(placed, table["sample_rate"].to_numpy()[place], 0),
        "rir_key": draw.item_keys("room key") if recipe.rooms.rt60_seconds else [None] * draw.count,
    }  # fmt: skip
    for name in ("rt60", "drr", "c50"):
        columns[name] = np.where(placed, table[name].to_numpy(np.float64)[place], np.nan)
    for name, u_change in zip(CHANGES, draw("room change"), strict=False):
        distribution = getattr(recipe.rooms, name)
        drawn = np.nan if distribution is None else distribution.sample(u_change)
        columns[f"asked_{name}"] = np.where(placed, drawn, np.nan)
    v, others = draw("noise position"), rooms.count[place] - 1
    moved = placed & (v[0] < recipe.rooms.noise_share) & (others > 0)
    second = rooms.first[place] + pick(v[1], np.maximum(others, 1))
    second = np.where(moved, second + (second >= place), place)  # another file of the room
    columns["noise_rir_path"] = text("path", second, moved)
    columns["noise_rir_channel"] = np.where(moved, pick(v[2], channels[second]), -1)
    return columns
