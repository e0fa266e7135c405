"""Do metrics agree? Rank correlations between them over the items."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from percepkit.eval.comparison import chosen_metrics
from percepkit.eval.flags import AUDITS
from percepkit.eval.policies import scored_values, sign_of
from percepkit.eval.score import NOISY

__all__ = ["rank_correlations"]

_FEWEST_ITEMS = 10


def rank_correlations(
    scores: pd.DataFrame, names: Sequence[str], *, metrics: Sequence[str] = (), gains: bool = False
) -> pd.DataFrame:
    """Spearman's rank correlation between metrics over items, averaged over denoisers.

    Every denoiser is correlated by itself, so that it is items that are ranked and not denoisers.

    Parameters
    ----------
    scores : DataFrame
        Score table, see `percepkit.eval.score.read_scores`.
    names : sequence of str
        Denoisers.
    metrics : sequence of str
        By default all that were scored, but for audits, which are no quality.
    gains : bool
        Correlate improvements over the noisy input. Scores agree already because all metrics find the same items
        hard; whether they agree about what a denoiser did is told by these.

    Returns
    -------
    DataFrame
        Metrics by metrics; metrics of which lower is better are turned round, so that 1 is agreement. NaN where
        no denoiser has ten items with both scores, or where a metric does not vary.

    Examples
    --------
    >>> rows = [(item, "a", name, sign * item**2, "ok")
    ...         for item in range(12) for name, sign in (("stoi", 1.0), ("lsd", -1.0))]
    >>> scores = pd.DataFrame(rows, columns=["item", "denoiser", "metric", "value", "status"])
    >>> float(rank_correlations(scores, ["a"]).loc["stoi", "lsd"])
    1.0
    """
    chosen = [name for name in chosen_metrics(scores, metrics) if metrics or name not in AUDITS]
    signs = np.array([sign_of(name) for name in chosen])
    values = scores.assign(value=scored_values(scores))
    wide = values.pivot(index="item", columns=["denoiser", "metric"], values="value")
    found = []
    for name in names:
        own = _of(wide, name, chosen) - (_of(wide, NOISY, chosen) if gains else 0.0)
        found.append((own * signs).corr(method="spearman", min_periods=_FEWEST_ITEMS).to_numpy())
    stack = np.array(found).reshape(-1, len(chosen), len(chosen))
    known = ~np.isnan(stack)
    count = known.sum(axis=0)
    mean = np.divide(
        np.where(known, stack, 0.0).sum(axis=0), count, out=np.full(count.shape, np.nan), where=count > 0
    )
    return pd.DataFrame(mean, index=chosen, columns=chosen)


def _of(wide: pd.DataFrame, name: str, metrics: Sequence[str]) -> pd.DataFrame:
    columns = {metric: wide.get((name, metric), np.nan) for metric in metrics}
    return pd.DataFrame(columns, index=wide.index, dtype=np.float64)
