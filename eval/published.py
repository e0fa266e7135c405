"""A gate before ranking: the noisy files of a known test set must score as they do everywhere else.

The bands span what publications and their readers report, widened by what resamplers and versions change. They
find a wrong sample rate, reference or mode of PESQ, not the third digit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from percepkit.eval.score import NOISY

__all__ = ["VOICEBANK_DEMAND", "Gate", "check_published", "is_voicebank_demand"]

#: Mean scores of the noisy test set at 16 kHz: published value, lowest and highest that is no reason for doubt.
#: Sources: C. Valentini-Botinhao et al., SSW 2016 (the set); S. Pascual et al., "SEGAN", Interspeech 2017; H.
#: Schröter et al., "DeepFilterNet2", IWAENC 2022; X. Rong et al., "GTCRN", ICASSP 2024, as quoted by others.
VOICEBANK_DEMAND: Mapping[str, tuple[float, float, float]] = {
    "pesq_wb": (1.97, 1.92, 2.02),
    "csig": (3.35, 3.25, 3.45),
    "cbak": (2.44, 2.38, 2.50),
    "covl": (2.63, 2.56, 2.70),
    "ssnr": (1.68, 1.50, 1.90),
    "stoi": (0.921, 0.905, 0.930),
    "estoi": (0.787, 0.770, 0.800),
    "si_sdr": (8.45, 8.20, 8.65),
}
_N_ITEMS = 824
_NAME = re.compile(r"p(232|257)_\d{3}")


@dataclass(frozen=True)
class Gate:
    """Means of the noisy input within and outside of the published bands, in words."""

    inside: list[str]
    outside: list[str]

    def lines(self) -> list[str]:
        """What a reader should be warned of."""
        return [
            f"this is the test set of VoiceBank-DEMAND, but the noisy input's {text}: mend files, rates or "
            "references before ranking anything"
            for text in self.outside
        ]


def is_voicebank_demand(items: pd.DataFrame) -> bool:
    """Tell the test set of VoiceBank-DEMAND by its 824 names, p232_001 to p257_434.

    Parameters
    ----------
    items : DataFrame
        Of a corpus (the names are those of the noisy or clean recordings), or of paired files.
    """
    if len(items) != _N_ITEMS:
        return False
    candidates = [items["item_id"].astype(str)]
    for column in ("speech_paths", "noise_paths"):
        if column in items:
            candidates.append(items[column].map(lambda paths: str(paths[0]) if _some(paths) else ""))
    for names in candidates:
        stems = names.map(lambda name: PurePosixPath(name).name.split(".")[0])
        if stems.map(lambda stem: bool(_NAME.fullmatch(stem))).all() and stems.is_unique:
            return True
    return False


def check_published(scores: pd.DataFrame, items: pd.DataFrame) -> Gate | None:
    """Compare the noisy input's means with what is published of it.

    Parameters
    ----------
    scores : DataFrame
        Score table, see `percepkit.eval.score.read_scores`.
    items : DataFrame

    Returns
    -------
    Gate or None
        None for another set, a part of the set, or without scores of the noisy input.
    """
    noisy = scores[(scores["denoiser"] == NOISY) & (scores["status"] == "ok")]
    known = noisy[noisy["metric"].isin(list(VOICEBANK_DEMAND))]
    if known.empty or not is_voicebank_demand(items[items["item"].isin(noisy["item"])]):
        return None
    means = known.groupby("metric")["value"].mean()
    gate = Gate([], [])
    for metric, (published, low, high) in VOICEBANK_DEMAND.items():
        if metric in means:
            within = low <= means[metric] <= high
            where = "within" if within else "outside of"
            text = f"{metric} is {means[metric]:.4g}, {where} {low:g} to {high:g} (published: {published:g})"
            (gate.inside if within else gate.outside).append(text)
    return gate


def _some(paths: object) -> bool:
    return paths is not None and hasattr(paths, "__len__") and len(paths) > 0
