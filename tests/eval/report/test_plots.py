import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from percepkit.eval.report.conditions import class_groups, room_groups, snr_groups
from percepkit.eval.report.plots import plot_lines, plot_rows
from percepkit.eval.report.roster import make_roster
from percepkit.eval.report.sections import make_sections
from percepkit.eval.report.table import metric_cards
from percepkit.eval.statistics import summarise

SVG = "{http://www.w3.org/2000/svg}"
SPACES = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '


def parse(figure):
    """Parse an inline drawing; in a page the name spaces are understood."""
    return ElementTree.fromstring(str(figure).replace("<svg ", SPACES, 1))


@pytest.fixture(scope="module")
def sections(scored, fakes):
    corpus, scores = scored
    entries = make_roster(list(scores["denoiser"].unique()), fakes.load)
    return make_sections(scores, corpus.items, summarise(scores, corpus.items), entries, metric_cards(scores)[:2])


def test_sections_follow_the_corpus(sections):
    assert [section.name for section in sections] == ["snr", "noise", "room", "ladder"]
    assert all(len(section.figures) == 2 for section in sections)
    assert [entry.name for entry in sections[0].legend][-1] == "oracle-magnitude"


def test_drawings_are_sound_svg_with_one_group_per_series(sections):
    every = []
    for section in sections:
        for figure in section.figures:
            root = parse(figure)
            assert root.tag == f"{SVG}svg"
            assert root.find(f".//{SVG}style") is None
            ids = [node.get("id") for node in root.iter() if node.get("id")]
            every += ids
            for entry in section.legend:
                assert any(name.endswith(f".s{entry.index}") for name in ids)
    assert len(every) == len(set(every))


def test_labels_lie_inside_the_drawing(sections):
    # Text is left to the browser's fonts; matplotlib's own, wider font decided the margins.
    for section in sections:
        for figure in section.figures:
            root = parse(figure)
            _, _, width, height = map(float, root.get("viewBox").split())
            for text in root.iter(f"{SVG}text"):
                if text.get("x"):
                    assert 0 <= float(text.get("x")) <= width
                    assert 0 <= float(text.get("y")) <= height


def test_points_stand_where_the_means_are(fakes):
    items = fakes.make_items(10)
    scores = fakes.make_scores(items, names=("noisy",))
    card = metric_cards(scores)[0]
    groups = snr_groups(items)
    grouped = pd.DataFrame({"denoiser": "noisy", "metric": card.name, "group": groups.labels})
    grouped["mean"] = [1.0, 1.5, 2.0, 2.5, 3.0]
    grouped["low"], grouped["high"] = grouped["mean"] - 0.1, grouped["mean"] + 0.1
    root = parse(plot_lines(grouped, make_roster(["noisy"], fakes.load), groups, card))
    line = next(node for node in root.iter() if node.get("id") == f"lines-{card.name}.s0")
    marks = [(float(use.get("x")), float(use.get("y"))) for use in line.iter(f"{SVG}use")]
    steps = np.diff(np.array(marks), axis=0)
    assert np.allclose(steps, steps[0], atol=1e-3)
    assert steps[0][0] > 0 > steps[0][1]


def test_group_that_nobody_was_scored_in_is_left_blank(fakes):
    items = fakes.make_items(10)
    scores = fakes.make_scores(items, names=("noisy", "wiener"))
    card, groups = metric_cards(scores)[0], class_groups(items)
    grouped = summarise(scores, items.assign(group=groups.values), by=("group",))
    grouped.loc[grouped["group"] == groups.labels[0], ["mean", "low", "high"]] = math.nan
    assert plot_rows(grouped, make_roster(["noisy", "wiener"], fakes.load), groups, card, name="noise")


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


def test_every_series_can_be_told_apart_without_colour(fakes):
    entries = make_roster([f"d{k}" for k in range(18)], fakes.load)
    assert len({(entry.marker, str(entry.dashes)) for entry in entries}) == 18
