import math

import numpy as np
import pandas as pd

from percepkit.eval.report.conditions import class_groups, room_groups, snr_groups


def test_many_snrs_are_binned_with_the_lower_edge_inside():
    items = pd.DataFrame({"snr_db": [-5.0, -0.1, 0.0, 0.1, 4.9, *np.linspace(10, 14, 20), math.nan]})
    groups = snr_groups(items)
    assert groups.labels == ["[-5, 0) dB", "[0, 5) dB", "[10, 15) dB"]
    assert groups.counts == [2, 3, 20]
    assert groups.positions == [-2.5, 2.5, 12.5]
    assert "1 items without a defined SNR" in groups.note


def test_few_snrs_stay_as_they_are():
    groups = snr_groups(pd.DataFrame({"snr_db": [10.0, -5.0, 0.0, 0.0]}))
    assert groups.labels == ["-5 dB", "0 dB", "10 dB"]
    assert groups.positions == [-5.0, 0.0, 10.0]
    assert snr_groups(pd.DataFrame({"snr_db": [3.0, 3.0]})) is None


def test_rare_classes_are_left_out_and_said_so():
    names = [f"class {k:02d}" for k in range(20) for _ in range(k + 1)]
    groups = class_groups(pd.DataFrame({"noise_class": names}))
    assert len(groups.labels) == 14
    assert "class 05" not in groups.labels
    assert "14 most frequent of 20" in groups.note


def test_rooms():
    items = pd.DataFrame({"room": [None, "a", "b", "c", "d"], "rt60": [math.nan, 0.2, 0.3, 0.6, math.nan]})
    groups = room_groups(items)
    assert groups.labels == [
        "no room",
        "RT60 < 0.3 s",
        "RT60 0.3 to 0.6 s",
        "RT60 ≥ 0.6 s",
        "room, RT60 unknown",
    ]
    assert groups.counts == [1] * 5
    assert room_groups(items.head(1)) is None
