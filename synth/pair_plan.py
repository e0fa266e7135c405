"""Drawing items from ready-made pairs: which pair, where in it, and what its alignment asks for."""

from typing import Any

import numpy as np

from percepkit.dsp.alignment import MARGIN
from percepkit.synth.pair_sources import PairSources
from percepkit.synth.recipe import Recipe
from percepkit.synth.segments import Draws, Segments, pick

__all__ = ["draw_pairs"]

UNLABELLED = "unlabelled"


def draw_pairs(recipe: Recipe, sources: PairSources, draw: Draws) -> dict[str, Any]:
    """Draw the pair of every item.

    Returns
    -------
    dict of columns
        speech and noise: one segment each, of the clean and of the noisy file; ``speed`` of the noisy one is the
        pace of its clock. pair_place: where the item begins in the noisy segment, in samples of its file, between
        two of them where the delay is; pair_gain of the clean file. noise_kind is ``additive`` or ``rerecorded``.
    """
    if recipe.pairs is None:
        raise ValueError("a recipe of pairs has a section `pairs`")
    table, rate = sources.table, recipe.sample_rate
    u = draw("pair")
    first, last = table["first"].to_numpy(), table["last"].to_numpy()
    own_rate = table["clean_sample_rate"].to_numpy(np.int64)
    if recipe.pairs.order == "each":
        pair = np.arange(draw.first, draw.first + draw.count) % len(table)
    else:
        share = np.cumsum((last - first) / own_rate)
        pair = np.minimum(np.searchsorted(share, u[0] * share[-1], side="right"), len(table) - 1)
    wanted = -(-recipe.n_samples * own_rate[pair] // rate)
    spare = np.maximum(last[pair] - first[pair] - wanted, 0) * (recipe.pairs.order == "drawn")
    start = first[pair] + pick(u[1], spare + 1)
    frames = np.minimum(wanted, last[pair] - start)
    length = np.minimum(recipe.n_samples, frames * rate // own_rate[pair])
    common = {"channel": np.zeros_like(start), "at": np.zeros_like(start), "length": length}
    bandwidth = table["effective_bandwidth"].fillna(np.inf).to_numpy(np.float64)[pair]
    clean = Segments(sources.files("clean"), draw.count)
    clean.add(pair, start=start, frames=frames, speed=np.ones(draw.count), bandwidth_hz=bandwidth, **common)
    noisy, place = _noisy(sources, pair, start / own_rate[pair], length / rate, common)
    label = table["class"].fillna(table["group"]).fillna(UNLABELLED).to_numpy(object)
    empty: list[list[object]] = [[] for _ in range(draw.count)]
    nothing: list[None] = [None] * draw.count
    return {
        "speech": clean.lists(), "speaker": table["speaker"].to_numpy(object)[pair],
        "noise_class": label[pair], "noise_kind": table["relation"].to_numpy(object)[pair],
        "generated": nothing, "noise_key": nothing,
        "noise": noisy.lists(), "course_db": empty, "layers": empty,
        "pair_place": place, "pair_gain": table["gain"].to_numpy(np.float64)[pair],
    }  # fmt: skip


def _noisy(
    sources: PairSources,
    pair: np.ndarray,
    seconds: np.ndarray,
    duration: np.ndarray,
    common: dict[str, np.ndarray],
) -> tuple[Segments, np.ndarray]:
    """What to read of the noisy files, with a margin where a fraction of a sample is to be interpolated."""
    table = sources.table.iloc[pair]
    pace = 1 + table["drift_ppm"].to_numpy(np.float64) * 1e-6
    own_rate, total = (table[f"noisy_{name}"].to_numpy(np.int64) for name in ("sample_rate", "frames"))
    # Micro-samples: a whole delay is whole, whatever the last bit of the product says.
    begin = np.round((seconds * pace + table["delay_seconds"].to_numpy(np.float64)) * own_rate, 6)
    margin = np.where(begin == np.floor(begin), 0, MARGIN)
    start = np.clip(np.floor(begin).astype(np.int64) - margin, 0, total - 1)
    end = np.ceil(begin + np.round(duration * pace * own_rate, 6)).astype(np.int64) + margin
    noisy = Segments(sources.files("noisy"), len(pair))
    noisy.add(pair, start=start, frames=np.clip(end, start + 1, total) - start, speed=pace, **common)
    return noisy, begin - start
