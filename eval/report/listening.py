"""Players and spectrograms: which items to hear, and their sound and pictures as data addresses."""

import base64
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percepkit.audio.files import write
from percepkit.eval.report.picture import level_db, spectrogram_png
from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.report.table import MetricCard
from percepkit.eval.score import NOISY, enhance_item

__all__ = ["Choice", "Player", "Tile", "choose_entries", "choose_items", "make_player"]

MAX_DENOISERS = 6
MAX_SECONDS = 12.0
STEMS = ("noisy", "clean", "speech", "noise")


@dataclass(frozen=True)
class Choice:
    """An item to listen to.

    Attributes
    ----------
    item : int
    why : str
        "worst", "median", "best", "better than 20 % of the items" ...; empty when items could not be ranked.
    improvement : float
        Of the ranked denoiser over noisy; NaN when unknown.
    """

    item: int
    why: str
    improvement: float


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


def choose_entries(entries: Sequence[Entry], ranking: pd.Series) -> list[Entry]:
    """Noisy-to-enhanced methods to hear: the six best, one of them the best oracle if there is any.

    Parameters
    ----------
    entries : sequence of Entry
    ranking : Series indexed by name
        Higher is better; names without a value come last.
    """

    def ranked(role: Any) -> list[Entry]:
        able = [entry for entry in of_role(entries, role) if entry.instance is not None]
        return sorted(able, key=lambda entry: -ranking.get(entry.name, -math.inf))

    denoisers, oracles = ranked("denoiser"), ranked("oracle")
    chosen = denoisers[: MAX_DENOISERS - min(len(oracles), 1)]
    chosen += oracles[: MAX_DENOISERS - len(chosen)]
    return sorted(chosen, key=lambda entry: entry.index)


def choose_items(improvement: pd.Series, snr_db: pd.Series, n: int) -> list[Choice]:
    """Choose items across the range of improvement and of SNR, the most telling first.

    The first three are the worst, the best and the median. Each further one comes from the neighbourhood of a
    quantile half-way between earlier ones: there, the item whose SNR is farthest from all chosen so far.

    Parameters
    ----------
    improvement : Series indexed by item
        NaN where unknown; such items are never chosen while others are left.
    snr_db : Series indexed by item
    n : int
        Number of items wanted.

    Examples
    --------
    >>> gain = pd.Series([0.3, 0.1, 0.2, 0.0, 0.4])
    >>> [(c.item, c.why) for c in choose_items(gain, pd.Series(0.0, index=gain.index), 3)]
    [(3, 'worst'), (4, 'best'), (2, 'median')]
    """
    known = improvement.dropna().sort_values(kind="stable")
    if known.empty:
        places = np.unique(np.linspace(0, len(improvement) - 1, min(n, len(improvement))).astype(int))
        return [Choice(int(improvement.index[place]), "", math.nan) for place in places]
    chosen: list[Choice] = []
    reach = len(known) / (2 * n)
    for quantile in _quantiles():
        if len(chosen) == min(n, len(known)):
            break
        target = quantile * (len(known) - 1)
        taken = {choice.item for choice in chosen}
        rank = _pick(known, snr_db, taken, target, 0 if len(chosen) < 3 else reach)
        why = {0.0: "worst", 1.0: "best", 0.5: "median"}.get(quantile, "")
        why = why or f"better than {100 * rank / len(known):.0f} % of the items"
        chosen.append(Choice(int(known.index[rank]), why, float(known.iloc[rank])))
    return chosen


def _quantiles() -> Iterator[float]:
    """0, 1, 1/2, 1/4, 3/4, 1/8, ...: every prefix is spread evenly."""
    yield from (0.0, 1.0)
    parts = 2
    while True:
        yield from (k / parts for k in range(1, parts, 2))
        parts *= 2


def _pick(known: pd.Series, snr_db: pd.Series, taken: set[int], target: float, reach: float) -> int:
    """Rank of the free item within ``reach`` of ``target`` whose SNR is farthest from those taken."""
    free = [rank for rank, item in enumerate(known.index) if item not in taken]
    near = [rank for rank in free if abs(rank - target) <= reach] or free
    heard = np.array([snr_db[item] for item in taken], dtype=float)

    def merit(rank: int) -> tuple[float, float]:
        distance = np.abs(heard - float(snr_db[known.index[rank]])) if reach else np.empty(0)
        finite = distance[np.isfinite(distance)]
        return (float(finite.min()) if finite.size else 0.0, -abs(rank - target))

    return max(near, key=merit)


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
    stems = {name: corpus.stem(choice.item, name) for name in STEMS}
    signals: dict[str, np.ndarray | str] = {"clean": stems["clean"], NOISY: stems["noisy"]}
    signals |= {entry.name: _enhance(entry, stems, rate) for entry in of_role(entries, "denoiser", "oracle")}
    cut, excerpt = _excerpt(len(stems["noisy"]), rate)
    sounds = {name: x[cut] for name, x in signals.items() if isinstance(x, np.ndarray)}
    levels = {name: level_db(x, rate) for name, x in sounds.items()}
    top_db = max(float(level.max()) for level in levels.values())
    peak = max(float(np.abs(x).max()) for x in sounds.values())
    gain = min(1.0, 0.999 / peak) if peak > 0 else 1.0
    own = scores[scores["item"] == choice.item].set_index(["denoiser", "metric"])
    tiles = []
    for name, signal in signals.items():
        audio, picture, trouble = "", "", ""
        if isinstance(signal, str):
            trouble = signal
        else:
            audio = _flac_address(sounds[name] * gain, rate)
            picture = _address("image/png", spectrogram_png(levels[name], top_db))
        entry = next((entry for entry in entries if entry.name == name), None)
        tiles.append(Tile(name, entry, audio, picture, _tile_scores(own, name, cards), trouble))
    row = corpus.items.set_index("item").loc[choice.item]
    seconds = len(sounds[NOISY]) / rate
    softer_db = -20 * math.log10(gain)
    return Player(str(row["item_id"]), choice, _facts(row), tiles, seconds, rate / 2000, excerpt, softer_db)


def _enhance(entry: Entry, stems: dict[str, np.ndarray], sample_rate: int) -> np.ndarray | str:
    """Enhanced signal, or why there is none."""
    try:
        enhanced = enhance_item(entry.instance, stems, sample_rate)
    except Exception as error:  # a denoiser of a third party can raise anything
        return f"{type(error).__name__}: {error}"
    if enhanced.shape != stems["noisy"].shape or not np.isfinite(enhanced).all():
        return "the output has another length than the input, or is not finite"
    return enhanced


def _excerpt(n_samples: int, sample_rate: int) -> tuple[slice, str]:
    """The middle 12 s of longer items: a page holds 25 MB."""
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


def _flac_address(x: np.ndarray, sample_rate: int) -> str:
    """Signal as 16-bit FLAC in a data address."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "signal.flac")
        write(path, x, sample_rate)
        return _address("audio/flac", path.read_bytes())


def _address(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
