"""What a plan will cost and contain before anything is rendered, and what a corpus holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from percepkit.dsp.stft import n_frames
from percepkit.synth.corpus import Corpus
from percepkit.synth.recipe import Recipe
from percepkit.synth.targets import frame_bytes

__all__ = ["Histogram", "Overview", "corpus_overview", "essentials", "plan_overview"]

FLAC_RATIO = 0.55  # typical size of speech in noise as FLAC, relative to PCM
HISTOGRAM_BINS = 8


@dataclass(frozen=True)
class Histogram:
    """A condition's distribution: labels and number of items each."""

    name: str
    labels: list[str]
    counts: list[int]


@dataclass(frozen=True)
class Overview:
    """Size and conditions of a plan.

    Attributes
    ----------
    hours : float
    disk_bytes : int
        Estimate; exact for WAV without targets, within some 15 % for FLAC.
    histograms : list of Histogram
        SNR, RT60 (where there are rooms), noise class and speaker count.
    """

    items: int
    hours: float
    disk_bytes: int
    speakers: int
    histograms: list[Histogram]


def plan_overview(parts: Iterable[pd.DataFrame], recipe: Recipe) -> Overview:
    """Sum up a plan.

    Parameters
    ----------
    parts : iterable of DataFrame
        `essentials` of the plan part by part.
    recipe : Recipe

    Returns
    -------
    Overview
    """
    plan = pd.concat(list(parts), ignore_index=True)
    histograms = [_numbers("SNR (dB)", plan["snr_db"].dropna())] if plan["snr_db"].notna().any() else []
    if plan["room"].notna().any():
        histograms.append(_numbers("RT60 (s)", plan["rt60"].dropna()))
    histograms.append(_labels("noise class", plan["noise_class"]))
    seconds = recipe.n_samples / recipe.sample_rate
    audio = sum(44 + 2 * seconds * recipe.rate_of(stem) for stem in recipe.stems) * (
        FLAC_RATIO if recipe.audio_format == "flac" else 1
    )
    frames = n_frames(recipe.n_samples, recipe.analysis.hop(recipe.sample_rate))
    shares = 1.0  # of an item's length
    if recipe.pairs is not None and recipe.pairs.order == "each":
        shares = float(plan["length"].mean()) / recipe.n_samples
    targets = sum(frame_bytes(name, recipe) for name in recipe.targets) * frames
    return Overview(
        items=len(plan),
        hours=len(plan) * shares * seconds / 3600,
        disk_bytes=round(len(plan) * shares * (audio + targets)),
        speakers=int(plan["speaker"].nunique()),
        histograms=histograms,
    )


def essentials(plan: pd.DataFrame) -> pd.DataFrame:
    """What `plan_overview` needs of a part of a plan: little enough to keep that of a million items."""
    length = [segments[0]["length"] if len(segments) else 0 for segments in plan["speech"]]
    return plan[["snr_db", "room", "rt60", "noise_class", "speaker"]].assign(length=length)


def corpus_overview(corpus: Corpus) -> Overview:
    """Sum up what a corpus holds by now: sizes as they are on disk, conditions as measured.

    Raises
    ------
    ValueError
        If no item is rendered yet.
    """
    items = corpus.items
    if items.empty or not (items["status"] == "ok").any():
        raise ValueError(f"{corpus.folder}: no item is rendered yet; run `percepkit synth run`")
    done = items[items["status"] == "ok"]
    histograms = [
        _numbers(title, done[column].dropna())
        for title, column in (
            ("SNR as realised (dB)", "snr_realised_db"),
            ("SNR against all noise (dB)", "snr_total_db"),
            ("level as realised (dBFS)", "level_realised_dbfs"),
            ("RT60 as realised (s)", "rt60_realised"),
        )
        if done[column].notna().any()
        and (column != "snr_total_db" or not done[column].equals(done["snr_realised_db"]))
    ]
    histograms += [_labels("noise class", done["noise_class"]), _labels("status", items["status"])]
    return Overview(
        items=len(done),
        hours=float(done["seconds"].sum()) / 3600,
        disk_bytes=sum(file.stat().st_size for file in corpus.folder.rglob("*") if file.is_file()),
        speakers=int(done["speaker"].nunique()),
        histograms=histograms,
    )


def _numbers(name: str, values: pd.Series) -> Histogram:
    """Exact levels where there are few, equal bins otherwise."""
    levels = np.unique(values)
    if len(levels) <= 12:
        return Histogram(name, [f"{v:g}" for v in levels], [int((values == v).sum()) for v in levels])
    counts, edges = np.histogram(values, bins=HISTOGRAM_BINS)
    labels = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    return Histogram(name, labels, counts.tolist())


def _labels(name: str, values: pd.Series) -> Histogram:
    counts = values.value_counts()
    return Histogram(name, [str(label) for label in counts.index], counts.tolist())
