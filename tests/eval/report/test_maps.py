"""Maps of the page: who is best where, whether metrics agree; and means over noise classes."""

import re

import numpy as np
import pandas as pd
import pytest

from percepkit.eval.agreement import rank_correlations
from percepkit.eval.balance import balanced_summary
from percepkit.eval.report.agreement import map_agreement
from percepkit.eval.report.findings import even_sheet
from percepkit.eval.report.page import render_page
from percepkit.eval.report.roster import make_roster
from percepkit.eval.report.sections import make_sections
from percepkit.eval.report.table import metric_cards
from percepkit.eval.report.winners import map_winners
from percepkit.eval.statistics import summarise
from percepkit.eval.winners import winners

NAMES = ("noisy", "gate", "wiener", "netlet", "oracle-gains")


@pytest.fixture(scope="module")
def made(fakes):
    """Uneven classes; gate is best in the rare ones, netlet in the common one."""
    items = fakes.make_items(60, seconds=0.5, rooms=False)
    items["noise_class"] = np.repeat(["babble", "rain", "white"], [48, 6, 6])
    items["snr_db"] = np.tile([0.0, 10.0], 30)
    scores = fakes.make_scores(
        items.assign(noise_class="babble"), names=NAMES, metrics=("pesq_wb", "stoi", "si_sdr")
    )
    rare = scores["item"] >= 48
    scores.loc[rare & (scores["denoiser"] == "gate") & (scores["metric"] == "pesq_wb"), "value"] += 1.0
    return fakes.Corpus(items), scores, make_roster(NAMES, fakes.load)


def test_the_map_names_the_winner_of_every_group(made):
    corpus, scores, entries = made
    cards = metric_cards(scores)
    sections = make_sections(scores, corpus.items, entries, cards, [])
    maps = map_winners(scores, corpus.items, entries, cards, sections, [])
    assert list(maps) == ["snr", "noise"]
    rows = dict(maps["noise"].rows)
    assert [rows[name][0].best.name for name in ("babble", "rain", "white")] == ["netlet", "gate", "gate"]
    assert rows["babble"][0].ahead
    [own] = (
        winners(scores, corpus.items, ["noise_class"], names=["noisy", "gate", "wiener", "netlet"], clusters=[])
        .query("metric == 'pesq_wb' and noise_class == 'babble'")
        .to_dict("records")
    )
    assert rows["babble"][0].lead == f"+{own['lead']:.2f} over wiener"
    assert map_winners(scores, corpus.items, entries[:1], cards, sections, []) == {}


def test_the_map_of_agreement_holds_scores_below_and_improvements_above(made):
    _, scores, entries = made
    cards = metric_cards(scores)
    found = map_agreement(scores, entries, cards)
    names = ["gate", "wiener", "netlet"]
    below, above = (rank_correlations(scores, names, gains=gains) for gains in (False, True))
    labels = [card.name for card in found.cards]
    for i, one in enumerate(labels):
        for j, other in enumerate(labels):
            wanted = (above if j > i else below).loc[one, other]
            cell = found.rows[i][j]
            assert cell is None if i == j else cell.text == f"{wanted:z.2f}".replace("-", "−")
    assert found.gains
    assert "have little to do with each other" in found.doubt
    assert map_agreement(scores, entries, cards[:1]) is None
    assert map_agreement(scores, make_roster(["noisy"], lambda name: None), cards) is None


def test_classes_that_count_the_same_can_turn_the_order(made):
    corpus, scores, entries = made
    cards = metric_cards(scores)
    summary = summarise(scores, corpus.items)
    sheet = even_sheet(scores, corpus.items, summary, entries, cards, [])
    assert sheet.title == "3 noise classes of 6 to 48 items"
    assert [row[0] for row in sheet.rows] == ["noisy", "gate", "netlet", "wiener", "oracle-gains"]
    table = balanced_summary(scores, corpus.items, ["noise_class"]).set_index(["denoiser", "metric"])
    assert sheet.rows[1][1].split("\n")[0] == f"{table.loc[('gate', 'pesq_wb'), 'mean']:.2f}"
    assert sheet.notes == ["By PESQ-WB, netlet is best over items, gate over noise classes."]
    even = corpus.items.assign(noise_class=np.tile(["babble", "rain", "white"], 20))
    assert even_sheet(scores, even, summary, entries, cards, []) is None


def test_the_page_shows_them_and_its_doubts(made, fakes):
    corpus, scores, _ = made
    shifted = scores[scores["metric"] == "si_sdr"].assign(metric="si_snr", value=lambda rows: rows["value"] + 0.5)
    page = render_page(
        pd.concat([scores, shifted], ignore_index=True),
        corpus, corpus_name="x", title="x", players=0, load=fakes.load,
    )  # fmt: skip
    assert page.count('<table class="sheet map">') == 2
    assert len(re.findall(r'<td class="ahead" style="--c: [^"]+" title="netlet leads wiener by', page)) >= 2
    assert page.count('<td class="self">') == 4
    assert "of 6 to 48 items" in page
    assert "the signals of the corpus have a DC offset; remove it." in page


def test_the_page_holds_a_known_set_against_what_is_published(fakes):
    names = [f"p232_{k:03d}" for k in range(1, 394)] + [f"p257_{k:03d}" for k in range(1, 432)]
    items = fakes.make_items(824, seconds=0.5).assign(item_id=names)
    scores = fakes.make_scores(items, names=("noisy", "wiener"), metrics=("stoi",))
    page = render_page(scores, fakes.Corpus(items), corpus_name="x", title="x", players=0, load=fakes.load)
    assert "This is the test set of VoiceBank-DEMAND, but the noisy input" in page
    assert "outside of 0.905 to 0.93 (published: 0.921)" in page
