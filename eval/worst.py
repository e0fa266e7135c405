"""Where it hurts: the items that a denoiser does worst on, and those that it makes worse than they were."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from percepkit.eval.comparison import chosen_metrics
from percepkit.eval.policies import scored_values, sign_of
from percepkit.eval.score import NOISY

__all__ = ["item_scores", "made_worse", "tails", "worst_share"]

_SHOWN = ("item_id", "speaker", "noise_class", "room", "snr_db")


def item_scores(scores: pd.DataFrame, items: pd.DataFrame, denoiser: str, metric: str) -> pd.DataFrame:
    """List one denoiser's scores, item by item, the worst first and those that are missing last.

    Returns
    -------
    DataFrame
        Columns item; item_id, speaker, noise_class, room and snr_db as far as known; noisy (the score of the
        input), score, improvement (positive is better, whichever direction is), status.
    """
    chosen_metrics(scores, [metric])
    if denoiser not in set(scores["denoiser"]):
        valid = ", ".join(sorted(map(str, scores["denoiser"].unique())))
        raise ValueError(f"{denoiser!r} was not scored; the table has: {valid}")
    rows = scores[scores["metric"] == metric].set_index("item")
    value = scored_values(rows)
    own = rows["denoiser"] == denoiser
    sign = sign_of(metric)
    table = items[items["item"].isin(rows.index[own])].set_index("item")
    table = table[[name for name in _SHOWN if name in table]]
    table["noisy"] = value[rows["denoiser"] == NOISY]
    table["score"] = value[own]
    table["improvement"] = sign * (table["score"] - table["noisy"])
    table["status"] = rows.loc[own, "status"]
    return table.sort_values("score", ascending=sign > 0, kind="stable").reset_index()


def worst_share(listed: pd.DataFrame, *, share: float = 0.1) -> pd.DataFrame:
    """Take the worst share of the scored items, at least one, from `item_scores`.

    Examples
    --------
    >>> len(worst_share(pd.DataFrame({"score": [1.0] * 25 + [np.nan]})))
    3
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share of items must lie above 0 and at most at 1, got {share}")
    scored = listed[listed["score"].notna()]
    return scored.head(int(np.ceil(share * len(scored) - 1e-9)))


def made_worse(listed: pd.DataFrame) -> pd.DataFrame:
    """Take the items that score worse than the noisy input, the greatest harm first, from `item_scores`."""
    return listed[listed["improvement"] < 0].sort_values("improvement", kind="stable")


def tails(scores: pd.DataFrame, items: pd.DataFrame, *, metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Sum up the bad ends for every denoiser and metric.

    Returns
    -------
    DataFrame
        Columns denoiser, metric, n (items with a score), worst_decile (mean score of the worst tenth of
        them), worse_share (share of the items with both scores that are worse than the noisy input).
    """
    rows = []
    for metric in chosen_metrics(scores, metrics):
        for denoiser in sorted(set(scores["denoiser"]) - {NOISY}):
            listed = item_scores(scores, items, denoiser, metric)
            compared = listed["improvement"].dropna()
            share = float((compared < 0).mean()) if len(compared) else np.nan
            worst = worst_share(listed)["score"].mean()
            rows.append((denoiser, metric, int(listed["score"].notna().sum()), worst, share))
    return pd.DataFrame(rows, columns=["denoiser", "metric", "n", "worst_decile", "worse_share"])
