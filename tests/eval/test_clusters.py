"""Which items share a speaker, a noise or a room."""

import numpy as np
import pandas as pd
import pytest

from percepkit.eval.clusters import cluster_codes, known_dimensions

ITEMS = pd.DataFrame(
    {
        "speaker": ["a", "b", None, "a", None],
        "generated": ["siren", None, None, "siren", None],
        "noise_paths": [np.array([], object), ["x.wav", "y.wav"], ["y.wav"], [], ["x.wav"]],
        "room": [None] * 5,
    }
)


def test_noise_is_its_kind_or_its_first_recording():
    assert cluster_codes(ITEMS, ["noise"])[:, 0].tolist() == [0, 1, 2, 0, 1]


def test_speech_is_its_first_recording():
    items = ITEMS.assign(speech_paths=[["a.wav", "b.wav"], ["b.wav"], ["a.wav"], [], None])
    assert cluster_codes(items, ["speech"])[:, 0].tolist() == [0, 1, 0, 2, 3]
    with pytest.raises(ValueError, match=r"lists in 'speech_paths'; make clusters of speech or noise"):
        cluster_codes(items, ["speech_paths"])


def test_what_is_unknown_stands_alone():
    codes = cluster_codes(ITEMS, ["speaker", "room"])
    assert len(np.unique(codes[:, 0])) == 4
    assert len(np.unique(codes[:, 1])) == 5


def test_dimensions_that_say_nothing_are_not_known():
    assert known_dimensions(ITEMS) == ["speaker", "noise"]
    assert known_dimensions(ITEMS.drop(columns=["noise_paths", "generated"])) == ["speaker"]
    assert known_dimensions(pd.DataFrame({"item": [1]})) == []


def test_unknown_columns_are_refused():
    with pytest.raises(ValueError, match="no column 'sex' to make clusters of; columns: speaker"):
        cluster_codes(ITEMS, ["sex"])
