"""How far towards an oracle a denoiser comes."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from percepkit.baselines import registry
from percepkit.dsp import draws
from percepkit.eval.bootstrap import Estimate, Resamples, estimate, resample
from percepkit.eval.clusters import cluster_codes, known_dimensions
from percepkit.eval.comparison import chosen_metrics
from percepkit.eval.policies import scored_values, sign_of
from percepkit.eval.score import NOISY

__all__ = ["ANCHORS", "gap_closed", "oracles_among", "resample_items"]

#: Scored like denoisers, but neither they nor anybody like them takes part in the contest.
ANCHORS = (NOISY, *registry.ANCHORS)


def oracles_among(names: Sequence[str]) -> list[str]:
    """Of denoisers' names, those of oracles (see the stems); what cannot be loaded here is taken for a denoiser.

    Examples
    --------
    >>> oracles_among(["wiener", "oracle-gains", "nobody:here", "clean"])
    ['oracle-gains']
    """
    return [name for name in names if name not in ANCHORS and _needs(name) == "stems"]


def resample_items(
    columns: np.ndarray,
    item: np.ndarray,
    items: pd.DataFrame,
    clusters: Sequence[str] | None = None,
) -> Resamples:
    """Resample columns of values, [n, k] without NaN, by the clusters of their items.

    Parameters
    ----------
    columns : float array, shape (n, k)
    item : int array, shape (n,)
    items : DataFrame
        The corpus' items.
    clusters : sequence of str, optional
        As for `percepkit.eval.comparison.compare`.
    """
    names = known_dimensions(items) if clusters is None else list(clusters)
    rows = items.set_index("item", drop=False).loc[item]
    return resample(columns, cluster_codes(rows, names or ["item"]), key=draws.key_of("anchors"))


def gap_closed(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    *,
    oracle: str | None = None,
    metrics: Sequence[str] = (),
    clusters: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Share of the way from the noisy input to an oracle that each denoiser goes.

    Parameters
    ----------
    scores, items, metrics, clusters, confidence
        As for `percepkit.eval.comparison.compare`.
    oracle : str, optional
        By default, for each metric, the oracle with the best mean.

    Returns
    -------
    DataFrame
        One row for each metric and denoiser: oracle, share = (denoiser - noisy) / (oracle - noisy) of the means
        over the n items that all three have a score for, low and high. NaN where the oracle is not
        reliably better than the noisy input, so that there is no gap to speak of.
    """
    values = scores.assign(value=scored_values(scores))
    names = sorted(map(str, values["denoiser"].unique()))
    oracles = oracles_among(names) if oracle is None else [oracle]
    if NOISY not in names or not oracles or oracles[0] not in names:
        wanted = oracle or "an oracle"
        raise ValueError(f"the gap needs scores of {NOISY} and {wanted}; the table has: {', '.join(names)}")
    rows = []
    for metric in chosen_metrics(scores, metrics):
        wide = values[values["metric"] == metric].pivot(index="item", columns="denoiser", values="value")
        best = _best(wide, oracles, metric)
        for name in names:
            if name not in (*ANCHORS, *oracles, *oracles_among([name])) and best is not None:
                rows.append({"metric": metric, "denoiser": name, "oracle": best}
                            | _share(wide, name, best, metric, items, clusters, confidence))  # fmt: skip
    return pd.DataFrame(rows, columns=["metric", "denoiser", "oracle", "share", "low", "high", "n"])


def _needs(name: str) -> str:
    try:
        return registry.load(name).spec.needs
    except Exception:  # a third party's module can raise anything on import, and its scores are here all the same
        return "nothing"


def _best(wide: pd.DataFrame, oracles: Sequence[str], metric: str) -> str | None:
    means = wide[[name for name in oracles if name in wide]].mean().dropna()
    if means.empty:
        return None
    return str((sign_of(metric) * means).idxmax())


def _share(
    wide: pd.DataFrame,
    name: str,
    oracle: str,
    metric: str,
    items: pd.DataFrame,
    clusters: Sequence[str] | None,
    confidence: float,
) -> dict[str, float]:
    rows = wide[[name, NOISY, oracle]].dropna()
    if rows.empty:
        return {"share": math.nan, "low": math.nan, "high": math.nan, "n": 0}
    steps = sign_of(metric) * np.stack([rows[name] - rows[NOISY], rows[oracle] - rows[NOISY]], axis=1)
    drawn = resample_items(steps, rows.index.to_numpy(), items, clusters)
    gap = estimate(drawn, confidence=confidence)
    if not gap.low[1] > 0:
        return {"share": math.nan, "low": math.nan, "high": math.nan, "n": len(rows)}
    share: Estimate = estimate(drawn, lambda means: means[..., :1] / means[..., 1:], confidence=confidence)
    return {
        "share": float(share.value[0]), "low": float(share.low[0]), "high": float(share.high[0]), "n": len(rows),
    }  # fmt: skip
