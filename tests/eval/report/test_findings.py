from dataclasses import replace

import pandas as pd
import pytest

from percepkit.eval.report import findings
from percepkit.eval.report.roster import make_roster
from percepkit.eval.report.table import metric_cards


@pytest.fixture(scope="module")
def made(fakes):
    items = fakes.make_items(24, seconds=1.5)
    names = ("noisy", "wiener", "netlet", "oracle-gains", "oracle-comb")
    scores = fakes.make_scores(items, names=names, metrics=("pesq_wb", "stoi"))
    return fakes.Corpus(items), scores, make_roster(names, fakes.load)


def test_gap_is_a_share_of_the_way_to_the_best_oracle(made):
    corpus, scores, entries = made
    sheet = findings.gap_sheet(scores, corpus.items, entries, metric_cards(scores))
    assert sheet.columns == ["Denoiser", "PESQ-WB\noracle-comb", "STOI\noracle-comb"]
    means = scores[scores["metric"] == "pesq_wb"].groupby("denoiser")["value"].mean()
    share = (means["netlet"] - means["noisy"]) / (means["oracle-comb"] - means["noisy"])
    assert {row[0]: row[1].split("\n")[0] for row in sheet.rows}["netlet"] == f"{100 * share:.0f} %"


def test_no_gap_without_oracles(made, fakes):
    corpus, scores, _ = made
    assert (
        findings.gap_sheet(
            scores, corpus.items, make_roster(["noisy", "wiener"], fakes.load), metric_cards(scores)
        )
        is None
    )


def test_profile_knows_the_character_of_the_noise(made):
    corpus, scores, entries = made
    sheet = findings.make_profile(scores, corpus.items, corpus, entries)
    aspects = [row[0] for row in sheet.rows]
    assert "suppression, stationary" in aspects  # the corpus' noise is white
    assert "oracle gap closed" not in aspects  # has a table of its own
    assert [name.split("\n")[0] for name in sheet.columns[3:]] == ["wiener", "netlet"]


def test_nothing_is_said_of_the_character_of_unknown_noise(made):
    corpus, scores, entries = made
    sheet = findings.make_profile(scores, corpus.items, None, entries)
    assert [row[0] for row in sheet.rows if row[0].startswith("suppression")] == []
    assert "quality" in [row[0] for row in sheet.rows]


def test_recordings_are_not_probed(fakes):
    entries = [
        replace(entry, instance=fakes.Scale("wiener", needs="item"))
        for entry in make_roster(["wiener"], fakes.load)
    ]
    corpus = fakes.Corpus(fakes.make_items(3))
    assert findings.probed(entries, corpus, corpus.items, lambda: None) == []


def test_tails(made):
    corpus, scores, entries = made
    sheet = findings.tail_sheet(scores, corpus.items, entries, metric_cards(scores)[0])
    own = scores[(scores["metric"] == "pesq_wb") & (scores["denoiser"] == "wiener")]["value"]
    assert sheet.rows[0][:2] == ["wiener", f"{own.nsmallest(3).mean():.2f}"]


def test_probes_mark_what_is_odd(made, fakes):
    corpus, _, _ = made
    entries = make_roster(["noisy", "net", "wiener"], fakes.load)
    steps = []
    found = findings.probed(entries, corpus, corpus.items, lambda: steps.append(1))
    assert [entry.name for entry, _ in found] == ["wiener"]  # net raises
    assert len(steps) == 3
    sheet = findings.probe_sheet(found)
    assert sheet.rows[0][1] == "≥ 100"
    found[0][1]["gain"] = 3.0
    assert findings.probe_sheet(found).rows[0][3] == "3.0 !"
    assert findings.probe_sheet([]) is None


def test_scores_of_oracles_alone_have_no_findings(made, fakes):
    corpus, scores, _ = made
    entries = make_roster(["noisy", "oracle-comb"], fakes.load)
    assert findings.make_profile(scores, corpus.items, corpus, entries) is None
    assert findings.tail_sheet(pd.DataFrame(scores), corpus.items, entries, metric_cards(scores)[0]) is None
