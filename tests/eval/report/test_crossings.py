import re

import numpy as np
import pytest

from percepkit.eval.report.crossings import find_crossings
from percepkit.eval.report.page import render_page
from percepkit.eval.report.roster import make_roster
from percepkit.eval.report.table import metric_cards

NAMES = ("noisy", "wiener", "netlet", "oracle-gains")


@pytest.fixture(scope="module")
def turned(fakes):
    """Wiener made to overtake the noisy input at 7 dB and netlet never to be reached."""
    items = fakes.make_items(60, seconds=0.5)
    scores = fakes.make_scores(items, names=NAMES, metrics=("pesq_wb", "stoi"))
    snr = scores["item"].map(items.set_index("item")["snr_db"])
    noisy = scores[scores["denoiser"] == "noisy"].set_index(["item", "metric"])["value"]
    ours = scores["denoiser"] == "wiener"
    base = np.array([noisy[key] for key in zip(scores["item"], scores["metric"], strict=True)])
    scores.loc[ours, "value"] = (base + 0.02 * (snr - 7))[ours]
    return fakes.Corpus(items), scores, make_roster(NAMES, fakes.load)


def test_turns_are_placed_on_the_scale_of_the_corpus(turned):
    corpus, scores, entries = turned
    found = find_crossings(scores, corpus.items, entries, metric_cards(scores), ["speaker"])
    pesq = [turn for turn in found.turns if turn.card.name == "pesq_wb" and turn.below.name == "noisy"]
    [turn] = pesq
    assert (turn.above.name, turn.at) == ("wiener", pytest.approx(7))
    assert (found.lowest, found.highest, found.left_out) == (-5, 15, 0)
    assert (turn.left, turn.middle, turn.width) == pytest.approx((60, 60, 0), abs=0.1)
    names = {name for turn in found.turns for name in (turn.below.name, turn.above.name)}
    assert "oracle-gains" not in names


def test_one_snr_has_no_crossing(turned):
    corpus, scores, entries = turned
    cards = metric_cards(scores)
    assert find_crossings(scores, corpus.items.assign(snr_db=5.0), entries, cards, ["speaker"]) is None
    assert find_crossings(scores, corpus.items, entries[:1], cards, ["speaker"]) is None


def test_the_page_draws_them(turned, fakes, page):
    corpus, scores, _ = turned
    made = render_page(scores, corpus, corpus_name="x", title="x", players=0, load=fakes.load)
    table = re.search(r'<table class="sheet sortable turns">.*?</table>', made, re.DOTALL)[0]
    assert table.count('class="turn"') >= 2
    assert ">7.0 <small>[7.0, 7.0]</small>" in table
    still = scores[scores["denoiser"] != "wiener"]
    made = render_page(still, corpus, corpus_name="x", title="x", players=0, load=fakes.load)
    assert "change places over the SNR" in made
