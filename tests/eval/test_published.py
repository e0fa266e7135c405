"""The noisy VoiceBank-DEMAND test set is known by its names, and its scores by what is published."""

import numpy as np
import pandas as pd
import pytest

from percepkit.eval.published import VOICEBANK_DEMAND, check_published, is_voicebank_demand

NAMES = [f"p232_{k:03d}" for k in range(1, 394)] + [f"p257_{k:03d}" for k in range(1, 432)]
ITEMS = pd.DataFrame({"item": range(824), "item_id": NAMES})


def scores(means, denoiser="noisy"):
    spread = np.random.default_rng(0).normal(size=824)
    spread -= spread.mean()
    parts = [
        pd.DataFrame({"item": range(824), "denoiser": denoiser, "metric": metric, "value": mean + 0.1 * spread})
        for metric, mean in means.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(status="ok")


PUBLISHED = {metric: published for metric, (published, _, _) in VOICEBANK_DEMAND.items()}


def test_published_values_pass():
    gate = check_published(scores(PUBLISHED), ITEMS)
    assert gate.lines() == []
    assert len(gate.inside) == len(VOICEBANK_DEMAND)
    assert gate.inside[0] == "pesq_wb is 1.97, within 1.92 to 2.02 (published: 1.97)"
    for published, low, high in VOICEBANK_DEMAND.values():
        assert low < published < high


def test_another_mode_of_pesq_is_found():
    [line] = check_published(scores({"pesq_wb": 2.88, "stoi": 0.92, "wss": 40.0}), ITEMS).lines()
    assert "noisy input's pesq_wb is 2.88, outside of 1.92 to 2.02 (published: 1.97)" in line


def test_names_may_stand_in_folders_or_paths():
    nested = ITEMS.assign(item_id=[f"noisy/{name}" for name in NAMES])
    assert is_voicebank_demand(nested)
    rendered = ITEMS.assign(
        item_id=[f"{k:06d}" for k in range(824)],
        speech_paths=[[f"clean_testset_wav/{name}.wav"] for name in NAMES],
    )
    assert is_voicebank_demand(rendered)


@pytest.mark.parametrize(
    "items",
    [
        ITEMS.head(823),
        ITEMS.assign(item_id=["p226_001", *NAMES[1:]]),
        ITEMS.assign(item_id=[NAMES[1], *NAMES[1:]]),
        ITEMS.assign(item_id=[f"{k:06d}" for k in range(824)], speech_paths=[None] * 824),
    ],
)
def test_other_sets_are_left_alone(items):
    assert check_published(scores(PUBLISHED), items) is None


def test_without_noisy_scores_nothing_is_said():
    assert check_published(scores(PUBLISHED, "wiener"), ITEMS) is None
    assert check_published(scores({"wss": 40.0}), ITEMS) is None
