"""Lists of the worst items, on a table whose order is known."""

import numpy as np
import pandas as pd
import pytest

from percepkit.eval.worst import item_scores, made_worse, tails, worst_share

ITEMS = pd.DataFrame({"item": range(20), "item_id": [f"{i:06d}" for i in range(20)], "snr_db": 5.0})


def scores(metric):
    rows = [(item, "noisy", metric, 1.0, "ok") for item in range(20)]
    rows += [(item, "x", metric, 0.5 + item / 10, "ok") for item in range(19)] + [
        (19, "x", metric, np.nan, "crashed")
    ]
    return pd.DataFrame(rows, columns=["item", "denoiser", "metric", "value", "status"])


def test_worst_first_and_missing_last():
    listed = item_scores(scores("stoi"), ITEMS, "x", "stoi")
    assert list(listed["item"]) == list(range(20))
    assert list(listed.columns) == ["item", "item_id", "snr_db", "noisy", "score", "improvement", "status"]
    assert list(worst_share(listed)["item"]) == [0, 1]
    assert list(made_worse(listed)["item"]) == [0, 1, 2, 3, 4]


def test_lower_is_better():
    listed = item_scores(scores("lsd"), ITEMS, "x", "lsd")
    assert list(worst_share(listed)["item"]) == [18, 17]
    assert list(made_worse(listed)["item"]) == list(range(18, 5, -1))
    assert listed.set_index("item").loc[0, "improvement"] == 0.5


def test_tails():
    [row] = tails(scores("stoi"), ITEMS).to_dict("records")
    assert (row["denoiser"], row["n"]) == ("x", 19)
    assert row["worst_decile"] == pytest.approx(0.55)
    assert row["worse_share"] == pytest.approx(5 / 19)


def test_what_is_not_there_is_named():
    with pytest.raises(ValueError, match="'y' was not scored; the table has: noisy, x"):
        item_scores(scores("stoi"), ITEMS, "y", "stoi")
    with pytest.raises(ValueError, match="'pesq_wb' was not scored; the table has: stoi"):
        item_scores(scores("stoi"), ITEMS, "x", "pesq_wb")
    with pytest.raises(ValueError, match="share of items must lie above 0"):
        worst_share(item_scores(scores("stoi"), ITEMS, "x", "stoi"), share=0.0)
