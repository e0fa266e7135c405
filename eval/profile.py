"""What a denoiser is good at: suppression by the character of the noise, the voice, low SNR, unseen noise."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from percepkit.dsp.noise_character import character_of_noise
from percepkit.eval.anchors import ANCHORS, gap_closed, oracles_among, resample_items
from percepkit.eval.bootstrap import estimate
from percepkit.eval.policies import scored_values, sign_of
from percepkit.eval.score import NOISY

__all__ = ["noise_characters", "profile"]

#: The first of each that was scored is used.
SUPPRESSION = ("noise_attenuation", "si_sir", "si_sdr", "ssnr", "pesq_wb", "pesq_nb", "stoi", "estoi")
DISTORTION = ("speech_distortion", "si_sar", "csig", "llr", "estoi", "stoi")
QUALITY = ("pesq_wb", "pesq_nb", "covl", "estoi", "stoi", "si_sdr")
LOW_SNR_DB = 0.0
_COLUMNS = ("denoiser", "aspect", "metric", "value", "low", "high", "n")

Numbers = tuple[float, float, float, int]


@dataclass(frozen=True)
class _Part:
    """Scores of one metric, [items, denoisers], of one denoiser on the items that an aspect is about."""

    of: pd.DataFrame
    name: str
    inside: pd.Series
    metric: str
    items: pd.DataFrame
    clusters: Sequence[str] | None

    def improvements(self) -> pd.Series:
        """Over the noisy input, positive is better; none where that was not scored."""
        if NOISY not in self.of:
            return pd.Series(dtype=np.float64)
        return (sign_of(self.metric) * (self.of[self.name] - self.of[NOISY]))[self.inside].dropna()


def noise_characters(
    corpus: Any, item_numbers: Sequence[int], *, progress: Callable[[int, int], None] | None = None
) -> pd.Series:
    """Tell what the noise of each item is like.

    Parameters
    ----------
    corpus : percepkit.synth.corpus.Corpus
    item_numbers : sequence of int
    progress : callable, optional
        Called with the number of items done and to do.

    Returns
    -------
    Series of str, indexed by item
        As by `percepkit.dsp.noise_character.character_of_noise`; ``"music"`` where the noise class says so, and
        missing where the noise is silent, shorter than a second, or not stored.
    """
    classes = corpus.items.set_index("item")["noise_class"].astype(object)
    found: dict[int, str | None] = {}
    for done, item in enumerate(item_numbers, 1):
        try:
            found[item] = character_of_noise(corpus.stem(item, "noise"), corpus.sample_rate)
        except ValueError:
            found[item] = None
        if "music" in str(classes[item]).lower():
            found[item] = "music"
        if progress:
            progress(done, len(item_numbers))
    return pd.Series(found, dtype=object)


def profile(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    characters: pd.Series | None = None,
    *,
    unseen: Collection[str] = (),
    clusters: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Tabulate strengths and weaknesses, one row for each denoiser and aspect that the scores tell about.

    Parameters
    ----------
    scores, items, clusters
        As for `percepkit.eval.comparison.compare`.
    characters : Series of str, indexed by item, optional
        From `noise_characters`.
    unseen : collection of str
        Noise classes that the denoisers were not trained on.

    Returns
    -------
    DataFrame
        Columns denoiser, aspect, metric, value, low, high and n (items). Values are improvements over the
        noisy input in the metric's unit, positive is better, but for ``voice distortion`` (the mean itself),
        ``unseen noise`` (improvement there less that on the other noises), ``oracle gap closed`` and ``made
        worse`` (shares).
    """
    names = sorted(set(map(str, scores["denoiser"])) - set(ANCHORS))
    used = scores.assign(value=scored_values(scores))
    wide = used.pivot(index="item", columns=["metric", "denoiser"], values="value")
    known = items.set_index("item").loc[wide.index]
    rows = []
    for aspect, metric, what, inside in _aspects(wide, known, characters, unseen):
        for name in names:
            if (metric, name) in wide:
                part = _Part(wide[metric], name, inside, metric, items, clusters)
                rows.append((name, aspect, metric, *what(part)))
    quality = _first(wide, QUALITY)
    if quality and NOISY in set(scores["denoiser"]) and oracles_among(names):
        gaps = gap_closed(scores, items, metrics=[quality], clusters=clusters)
        for gap in gaps.to_dict("records"):
            numbers = (gap["share"], gap["low"], gap["high"], gap["n"])
            rows.append((gap["denoiser"], "oracle gap closed", quality, *numbers))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _aspects(
    wide: pd.DataFrame, items: pd.DataFrame, characters: pd.Series | None, unseen: Collection[str]
) -> Iterator[tuple[str, str, Callable[[_Part], Numbers], pd.Series]]:
    """Name, metric, how it is computed, and the items it is about."""
    everywhere = pd.Series(True, index=items.index)
    suppression, distortion, quality = (_first(wide, names) for names in (SUPPRESSION, DISTORTION, QUALITY))
    if suppression and characters is not None:
        for character in ("stationary", "non-stationary", "transient", "music"):
            inside = characters.reindex(items.index).eq(character)
            if inside.any():
                yield f"suppression, {character}", suppression, _improvement, inside
    if distortion:
        yield "voice distortion", distortion, _mean, everywhere
    if quality:
        yield "quality", quality, _improvement, everywhere
        if "snr_db" in items and (low := items["snr_db"] <= LOW_SNR_DB).any():
            yield f"quality, SNR ≤ {LOW_SNR_DB:g} dB", quality, _improvement, low
        if unseen and (new := items["noise_class"].isin(list(unseen))).any() and not new.all():
            yield "unseen noise", quality, _contrast, new
        yield "made worse", quality, _worse, everywhere


def _first(wide: pd.DataFrame, names: Sequence[str]) -> str | None:
    scored = set(wide.columns.get_level_values("metric"))
    return next((name for name in names if name in scored), None)


def _improvement(part: _Part) -> Numbers:
    return _numbers(part.improvements(), part)


def _mean(part: _Part) -> Numbers:
    return _numbers(part.of[part.name][part.inside].dropna(), part)


def _worse(part: _Part) -> Numbers:
    return _numbers((part.improvements() < 0).astype(np.float64), part)


def _contrast(part: _Part) -> Numbers:
    """Mean improvement inside less that outside; no interval where one cluster is all of a side."""
    gain = replace(part, inside=pd.Series(True, index=part.of.index)).improvements()
    new = part.inside.loc[gain.index].to_numpy(np.float64)
    if not 0 < new.sum() < len(new):
        return math.nan, math.nan, math.nan, len(new)
    columns = np.stack([gain * new, new, gain * (1 - new), 1 - new], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample without any item on one side is dropped
        found = estimate(
            resample_items(columns, gain.index.to_numpy(), part.items, part.clusters),
            lambda m: m[..., 0:1] / m[..., 1:2] - m[..., 2:3] / m[..., 3:4],
        )
    return float(found.value[0]), float(found.low[0]), float(found.high[0]), len(gain)


def _numbers(values: pd.Series, part: _Part) -> Numbers:
    if values.empty:
        return math.nan, math.nan, math.nan, 0
    drawn = resample_items(values.to_numpy()[:, None], values.index.to_numpy(), part.items, part.clusters)
    found = estimate(drawn)
    return float(found.value[0]), float(found.low[0]), float(found.high[0]), len(values)
