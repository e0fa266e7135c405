import json

import pytest

from percepkit.baselines.dnn.card import Card, read_card, write_card

CARD = Card("net", "A net.", "none", 16_000, "rnnoise", "gains", "rnnoise", {}, {"widths": [1, 2, 3]},
            about={"hours": 2.5})  # fmt: skip


def test_a_card_comes_back(tmp_path):
    write_card(CARD, tmp_path / "net.json")
    assert read_card(tmp_path / "net.json") == CARD


def test_wrong_cards_are_refused(tmp_path):
    path = tmp_path / "net.json"
    with pytest.raises(ValueError, match=r"net\.json: no such file; an ONNX file comes with a card"):
        read_card(path)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"net\.json: not JSON"):
        read_card(path)
    for content in ([], {"format_version": 2}, {**vars(CARD), "more": 1}):
        path.write_text(json.dumps(content))
        with pytest.raises(ValueError, match=r"net\.json: expected a card of format 1"):
            read_card(path)
