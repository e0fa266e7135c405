"""Players and spectrograms: sound and pictures of chosen items as data addresses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from percepkit.audio.opus import encode_opus
from percepkit.audio.webpage import data_address
from percepkit.dsp.picture import level_db, spectrogram_png
from percepkit.eval.report.choice import Choice
from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.report.table import MetricCard
from percepkit.eval.score import NOISY, enhance_item

__all__ = ["Player", "Tile", "make_player"]

MAX_SECONDS = 4.5
STEMS = ("noisy", "clean", "speech", "noise")


@dataclass(frozen=True)
class Tile:
    """One signal of an item.

    Attributes
    ----------
    name : str
    entry : Entry or None
        None for the clean reference.
    audio, picture : str
        Data addresses, empty when there is no sound.
    scores : list of (label, value, improvement over noisy)
    trouble : str
        Why there is no sound.
    """

    name: str
    entry: Entry | None
    audio: str
    picture: str
    scores: list[tuple[str, str, str]]
    trouble: str


@dataclass(frozen=True)
class Player:
    """One item's row of tiles.

    Attributes
    ----------
    item_id : str
    choice : Choice
    facts : list of str
        Its condition in words.
    tiles : list of Tile
    seconds, top_khz : float
        Length of what is played, and the top of the pictures.
    excerpt : str
        Which part is played; empty for the whole item.
    softer_db : float
        By how much the row is played softer so that no signal clips.
    """

    item_id: str
    choice: Choice
    facts: list[str]
    tiles: list[Tile]
    seconds: float
    top_khz: float
    excerpt: str
    softer_db: float

    @property
    def size(self) -> int:
        """Bytes of sound and pictures in the page."""
        return sum(len(tile.audio) + len(tile.picture) for tile in self.tiles)


def make_player(
    corpus: Any, choice: Choice, entries: Sequence[Entry], scores: pd.DataFrame, cards: Sequence[MetricCard]
) -> Player:
    """Render one item with every entry and make its tiles.

    Parameters
    ----------
    corpus : Corpus
        With ``items``, ``sample_rate`` and ``stem(item, name)``.
    choice : Choice
    entries : sequence of Entry
        Noisy, and those of `choose_entries`.
    scores : DataFrame
        All scores; those of the item are printed under its tiles.
    cards : sequence of MetricCard

    Returns
    -------
    Player
        A denoiser that fails here gets a tile that says why.
    """
    rate = corpus.sample_rate
    row = corpus.items.set_index("item").loc[choice.item]
    item_id = str(row["item_id"])
    stems = {name: corpus.stem(choice.item, name) for name in STEMS}
    signals: dict[str, np.ndarray | str] = {"clean": stems["clean"], NOISY: stems["noisy"]}
    signals |= {
        entry.name: _enhance(entry, stems, rate, item_id) for entry in of_role(entries, "denoiser", "oracle")
    }
    cut, excerpt = _excerpt(len(stems["noisy"]), rate)
    sounds = {name: x[cut] for name, x in signals.items() if isinstance(x, np.ndarray)}
    levels = {name: level_db(x, rate) for name, x in sounds.items()}
    top_db = max(float(level.max()) for level in levels.values())
    peak = max(float(np.abs(x).max()) for x in sounds.values())
    gain = min(1.0, 0.999 / peak) if peak > 0 else 1.0
    audio = {name: data_address("audio/ogg", encode_opus(x * gain, rate)) for name, x in sounds.items()}
    pictures = {name: data_address("image/png", spectrogram_png(level, top_db)) for name, level in levels.items()}
    known = {entry.name: entry for entry in entries}
    own = scores[scores["item"] == choice.item].set_index(["denoiser", "metric"])
    tiles = [
        Tile(
            name=name,
            entry=known.get(name),
            audio=audio.get(name, ""),
            picture=pictures.get(name, ""),
            scores=_tile_scores(own, name, cards),
            trouble=signal if isinstance(signal, str) else "",
        )
        for name, signal in signals.items()
    ]
    seconds = len(sounds[NOISY]) / rate
    softer_db = -20 * math.log10(gain)
    return Player(item_id, choice, _facts(row), tiles, seconds, rate / 2000, excerpt, softer_db)


def _enhance(entry: Entry, stems: dict[str, np.ndarray], sample_rate: int, item_id: str) -> np.ndarray | str:
    """Enhanced signal, or why there is none."""
    try:
        enhanced = enhance_item(entry.instance, stems, sample_rate, item_id=item_id)
    except Exception as error:  # a denoiser of a third party can raise anything
        return f"{type(error).__name__}: {error}"
    if enhanced.shape != stems["noisy"].shape or not np.isfinite(enhanced).all():
        return "the output has another length than the input, or is not finite"
    return enhanced


def _excerpt(n_samples: int, sample_rate: int) -> tuple[slice, str]:
    """The middle of longer items: 40 of them with eight signals each go into 25 MB."""
    most = int(MAX_SECONDS * sample_rate)
    if n_samples <= most:
        return slice(0, n_samples), ""
    start = (n_samples - most) // 2
    first, last, total = (value / sample_rate for value in (start, start + most, n_samples))
    return slice(start, start + most), f"seconds {first:.1f} to {last:.1f} of {total:.1f}"


def _tile_scores(own: pd.DataFrame, name: str, cards: Sequence[MetricCard]) -> list[tuple[str, str, str]]:
    """(label, value, improvement over noisy) per metric; the status where there is no value."""
    found = []
    for card in cards:
        if (name, card.name) not in own.index:
            continue
        row = own.loc[(name, card.name)]
        base = own["value"].get((NOISY, card.name), math.nan)
        delta = row["value"] - base if name != NOISY else math.nan
        value = card.number(row["value"]) if row["status"] == "ok" else str(row["status"])
        found.append((card.label, value, "" if math.isnan(delta) else card.number(delta, sign=True)))
    return found


def _facts(row: Any) -> list[str]:
    facts = [f"SNR {row['snr_db']:.1f} dB".replace("-", "−")] if pd.notna(row["snr_db"]) else []
    if pd.notna(row["noise_class"]):
        facts.append(f"noise: {row['noise_class']}")
    if pd.notna(row["speaker"]):
        facts.append(f"speaker: {row['speaker']}")
    if pd.isna(row["room"]):
        facts.append("no room")
    else:
        facts.append(f"room, RT60 {row['rt60']:.2f} s" if pd.notna(row["rt60"]) else "room")
    return facts
