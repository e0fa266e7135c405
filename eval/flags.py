"""Signs that a number may mislead: metrics that contradict each other, and outputs that play to a metric."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from percepkit.eval.comparison import default_margin
from percepkit.eval.policies import scored_values, sign_of
from percepkit.eval.score import NOISY

__all__ = ["AUDITS", "Flag", "find_flags", "warn_of_offset"]

#: Metrics that are no quality: what is said when the mean is beyond the limit, and beyond the noisy input's.
AUDITS: dict[str, tuple[float, str]] = {
    "gain_error_db": (
        1.0,
        "is {mean:.1f} dB louder or softer than the clean speech. SDR, segmental SNR and LSD take that for an "
        "error; PESQ, STOI and the SI- metrics do not notice",
    ),
    "delay_ms": (
        1.0,
        "lies {mean:.1f} ms beside the clean speech. Metrics by samples (SDR, SI-SDR, segmental SNR) collapse, "
        "PESQ aligns it away",
    ),
    "inverted": (0.01, "is turned upside down on {share:.0f} % of the items: inaudible, and fatal to SDR"),
    "clipped_share": (0.001, "clips: {share:.2f} % of its samples lie in flat tops"),
    "muted_share": (
        0.02,
        "is mute during {share:.1f} % of the speech. Means over frames hardly notice; listeners do",
    ),
}

_PERCEIVED = ("pesq_wb", "pesq_nb", "covl")
_UNDERSTOOD = ("estoi", "stoi")
_BY_SIGNAL = ("si_sdr", "sdr", "ssnr")
_SHARE_THAT_MATTERS = 0.02
_OFFSET_DB = 0.1
_NAMED = 5


@dataclass(frozen=True)
class Flag:
    """Something to look into before a denoiser's numbers are believed.

    Attributes
    ----------
    denoiser : str
    sign : str
        "metrics disagree", "one metric pleased" or "odd output".
    text : str
        In words, with numbers.
    """

    denoiser: str
    sign: str
    text: str


def find_flags(scores: pd.DataFrame, summary: pd.DataFrame, names: Sequence[str]) -> list[Flag]:
    """Look for contradictions and oddities.

    Parameters
    ----------
    scores : DataFrame
        Score table, see `percepkit.eval.score.read_scores`.
    summary : DataFrame
        Means over all its items with improvements over the noisy input, from
        `percepkit.eval.statistics.summarise`.
    names : sequence of str
        Denoisers to look at.

    Returns
    -------
    list of Flag
        Denoiser by denoiser: where one metric reliably says better and another worse; the share of items (from
        2 %) on which perceived quality rises while intelligibility and the signal fall, the mark of a denoiser
        that was trained to please the metric; and what the audits found (gain, delay, polarity, clipping, muting),
        where they were scored. Differences below `percepkit.eval.comparison.MARGINS` do not count.
    """
    values = scores.assign(value=scored_values(scores))
    wide = values.pivot(index="item", columns=["metric", "denoiser"], values="value")
    found: list[Flag] = []
    for name in names:
        rows = summary[summary["denoiser"] == name].set_index("metric")
        found += _disagreement(name, rows)
        found += _played(name, wide)
        found += _audited(name, rows)
    return found


def warn_of_offset(scores: pd.DataFrame) -> list[str]:
    """Say whose `si_sdr` and `si_snr` differ by more than 0.1 dB on average: only means of signals part the two.

    Returns
    -------
    list of str
        One line, or none.
    """
    own = scores.assign(value=scored_values(scores))[scores["metric"].isin(["si_sdr", "si_snr"])]
    wide = own.pivot(index=["denoiser", "item"], columns="metric", values="value")
    if len(wide.columns) < 2:
        return []
    apart = (wide["si_sdr"] - wide["si_snr"]).abs().groupby("denoiser").mean()
    apart = apart[apart > _OFFSET_DB]
    if apart.empty:
        return []
    named = sorted(apart.index, key=lambda name: (name != NOISY, -apart[name]))
    listed = ", ".join(f"{name} ({apart[name]:.2g} dB)" for name in named[:_NAMED])
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    whose = "the signals of the corpus have" if NOISY in apart else "these outputs have"
    return [f"si_sdr and si_snr differ on average for {listed}{more}: {whose} a DC offset; remove it"]


def _disagreement(name: str, rows: pd.DataFrame) -> Iterator[Flag]:
    """Metrics whose whole interval of the improvement lies on one side, against those on the other."""
    sides: dict[str, list[str]] = {"better": [], "worse": []}
    for metric, row in rows.drop(index=[audit for audit in AUDITS if audit in rows.index]).iterrows():
        sign = sign_of(str(metric))
        low, high = sorted((sign * row["delta_low"], sign * row["delta_high"]))
        side = "better" if low > 0 else "worse" if high < 0 else ""
        if side and abs(row["delta"]) > _margin(str(metric)):
            sides[side].append(f"{metric} ({row['delta']:+.2g})".replace("-", "−"))
    if sides["better"] and sides["worse"]:
        yield Flag(
            name,
            "metrics disagree",
            f"better by {', '.join(sides['better'])}; worse by {', '.join(sides['worse'])}",
        )


def _played(name: str, wide: pd.DataFrame) -> Iterator[Flag]:
    families = (_PERCEIVED, _UNDERSTOOD, _BY_SIGNAL)
    scored = {metric for metric, denoiser in wide if denoiser == name} & {
        metric for metric, d in wide if d == NOISY
    }
    chosen = [next((metric for metric in family if metric in scored), "") for family in families]
    if not all(chosen):
        return
    gains = np.stack([_gain(wide, metric, name) for metric in chosen])
    margins = np.array([[_margin(metric)] for metric in chosen])
    known = np.isfinite(gains).all(axis=0)
    risen = known & (gains > margins)[0] & (gains < -margins)[1:].all(axis=0)
    if known.any() and risen.sum() >= _SHARE_THAT_MATTERS * known.sum():
        text = f"on {risen.sum()} of {known.sum()} items {chosen[0]} rises while {chosen[1]} and {chosen[2]} fall"
        yield Flag(name, "one metric pleased", text)


def _audited(name: str, rows: pd.DataFrame) -> Iterator[Flag]:
    for audit, (limit, words) in AUDITS.items():
        if audit not in rows.index:
            continue
        row: Any = rows.loc[audit]
        added = row["mean"] if np.isnan(row["delta"]) else row["delta"]
        if row["mean"] > limit and added > limit:  # what the noisy input has too is not the denoiser's doing
            yield Flag(name, "odd output", "the output " + words.format(mean=row["mean"], share=100 * row["mean"]))


def _margin(metric: str) -> float:
    """Difference that somebody need care about; any where there is no convention."""
    return float(np.nan_to_num(default_margin(metric)))


def _gain(wide: pd.DataFrame, metric: str, name: str) -> np.ndarray:
    return sign_of(metric) * (wide[(metric, name)] - wide[(metric, NOISY)]).to_numpy(np.float64)
