import json
import math

import numpy as np
import pytest

from percepkit.eval.clusters import known_dimensions
from percepkit.eval.report.data import item_values, page_data, worst_lists
from percepkit.eval.report.roster import make_roster
from percepkit.eval.report.sections import POLICY, make_sections, plain
from percepkit.eval.report.table import metric_cards
from percepkit.eval.statistics import summarise


@pytest.fixture(scope="module")
def parts(scored, fakes):
    corpus, scores = scored
    entries = make_roster(list(scores["denoiser"].unique()), fakes.load)
    cards = metric_cards(scores)[:2]
    clusters = known_dimensions(corpus.items)
    sections = make_sections(scores, corpus.items, entries, cards, clusters)
    summary = summarise(scores, corpus.items, clusters=clusters, policy=POLICY)
    return scores, corpus.items, summary, entries, cards, sections


def test_data_is_plain_json(parts):
    data = page_data(*parts, None)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert [section["name"] for section in data["sections"]] == ["snr", "noise", "room"]


def test_sections_hold_the_means_of_their_groups(parts):
    scores, _, _, entries, _, sections = parts
    rooms = sections[2]
    wiener = next(entry for entry in entries if entry.name == "wiener")
    own = scores[(scores["metric"] == "pesq_wb") & (scores["denoiser"] == "wiener")].set_index("item")["value"]
    common = ~own.index.isin([0, 1, 2, 7])  # what net and gate lack a score for
    for place, label in enumerate(rooms.groups.labels):
        members = (rooms.groups.values == label).to_numpy()
        mean, low, high, n = rooms.means[0][wiener.index][place]
        assert mean == pytest.approx(own.to_numpy()[members & common].mean(), rel=1e-4)
        assert low <= mean <= high
        assert n == members.sum()
    assert rooms.data()["codes"] == [rooms.groups.labels.index(value) for value in rooms.groups.values]


def test_values_tell_missing_from_untried(parts, fakes):
    scores, items, _, entries, cards, _ = parts
    net = next(entry.index for entry in entries if entry.name == "net")
    untried = scores[~((scores["denoiser"] == "net") & (scores["item"] == 5))]
    values = item_values(untried, items, entries, cards)[0][net]
    assert values[:3] == [None] * 3
    assert values[5] is False
    truth = scores[(scores["metric"] == "pesq_wb") & (scores["denoiser"] == "net")].set_index("item")["value"]
    assert values[6:] == pytest.approx(truth.loc[6:].to_list(), abs=0.5e-4)


def test_infinite_scores_are_no_numbers_for_a_mean(fakes):
    items = fakes.make_items(4)
    scores = fakes.make_scores(items, names=("noisy", "wiener"), metrics=("si_sdr",))
    scores.loc[(scores["denoiser"] == "wiener") & (scores["item"] == 1), "value"] = math.inf
    entries = make_roster(["noisy", "wiener"], fakes.load)
    assert item_values(scores, items, entries, metric_cards(scores))[0][1][1] is None


def test_worst_lists_name_the_items(fakes):
    items = fakes.make_items(20)
    scores = fakes.make_scores(items, names=("noisy", "wiener"), metrics=("stoi",))
    own = scores["denoiser"] == "wiener"
    scores.loc[own, "value"] = np.linspace(0.5, 0.9, 20)
    scores.loc[~own, "value"] = 0.6
    [listed] = worst_lists(scores, items, make_roster(["noisy", "wiener"], fakes.load), metric_cards(scores)[0])
    assert listed == {"entry": 1, "n": 20, "n_worst": 2, "n_worse": 5, "worst": [0, 1], "worse": [0, 1, 2, 3, 4]}


def test_numbers_for_json():
    assert plain(1234567.0, -0.000123456, math.nan) == [1234600.0, -0.00012346, None]
