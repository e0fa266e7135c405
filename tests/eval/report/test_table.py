import math

import pandas as pd
import pytest

from percepkit.eval.report.roster import make_roster
from percepkit.eval.report.table import MetricCard, make_rows, metric_cards, sum_up

PESQ = MetricCard("pesq_wb", "PESQ-WB", "", 1.0, 4.64, "higher", "1")
ERRORS = MetricCard("wer", "WER", "%", 0.0, math.inf, "lower", "1")


def summary_of(card, **means):
    """Rows of a summary with intervals of +-0.1 around mean and improvement."""
    base = means.get("noisy", math.nan)
    rows = []
    for name, mean in means.items():
        delta = math.nan if name == "noisy" else mean - base
        n_ok = 0 if math.isnan(mean) else 10
        rows.append((name, card.name, mean, mean - 0.1, mean + 0.1, n_ok, 12, delta, delta - 0.1, delta + 0.1, 9))
    names = "denoiser metric mean low high n_ok n delta delta_low delta_high delta_n"
    return pd.DataFrame(rows, columns=names.split())


def roster_of(fakes, *names):
    return make_roster(names, fakes.load)


def test_sentence_when_a_denoiser_helps(fakes):
    summary = summary_of(PESQ, **{"noisy": 1.5, "wiener": 1.71, "oracle-gains": 2.8})
    assert sum_up(summary, roster_of(fakes, *summary["denoiser"]), PESQ) == (
        "Best of the denoisers: wiener, PESQ-WB +0.21 [+0.11, +0.31] over noisy on 9 items. The best oracle, "
        "oracle-gains, which sees the clean speech, reaches +1.30 [+1.20, +1.40] over noisy: a denoiser of "
        "its form has about that much to gain."
    )


@pytest.mark.parametrize(
    "wiener, expected",
    [(1.45, "No denoiser is reliably better than the noisy input"), (1.1, "Every denoiser lowers quality")],
)
def test_sentence_does_not_flatter(fakes, wiener, expected):
    summary = summary_of(PESQ, noisy=1.5, wiener=wiener)
    assert sum_up(summary, roster_of(fakes, "noisy", "wiener"), PESQ).startswith(expected)


def test_lower_is_better(fakes):
    summary = summary_of(ERRORS, noisy=30.0, wiener=20.0, netlet=25.0)
    entries = roster_of(fakes, "noisy", "wiener", "netlet")
    assert sum_up(summary, entries, ERRORS).startswith("Best of the denoisers: wiener, WER −10.00")
    rows = make_rows(summary, entries, [ERRORS])
    assert [row.entry.name for row in rows] == ["noisy", "wiener", "netlet"]
    assert rows[1].cells[0].verdict == "better"
    assert rows[1].cells[0].best
    assert not rows[2].cells[0].best


def test_oracles_are_never_marked_best_and_missing_means_come_last(fakes):
    summary = summary_of(PESQ, **{"noisy": 1.5, "gate": math.nan, "wiener": 1.6, "oracle-comb": 3.0})
    rows = make_rows(summary, roster_of(fakes, *summary["denoiser"]), [PESQ])
    assert [(row.entry.name, row.cells[0].best) for row in rows] == [
        ("noisy", False),
        ("wiener", True),
        ("gate", False),
        ("oracle-comb", False),
    ]
    gate = rows[2].cells[0]
    assert (gate.mean, gate.interval, gate.coverage, gate.sort_key) == ("–", "", "0/12", None)


def test_strips_share_the_scale_of_their_column(fakes):
    summary = summary_of(PESQ, noisy=1.5, wiener=1.7, netlet=2.3)
    rows = make_rows(summary, roster_of(fakes, "noisy", "wiener", "netlet"), [PESQ])
    cells = {row.entry.name: row.cells[0] for row in rows}
    assert cells["noisy"].low == 0
    assert cells["netlet"].low + cells["netlet"].width == pytest.approx(100)
    assert cells["wiener"].middle == pytest.approx(30)


def test_cards_know_the_metrics(scored):
    cards = metric_cards(scored[1])
    assert [card.label for card in cards] == ["PESQ-WB", "PESQ-NB", "STOI", "ESTOI", "SI-SDR"]
    assert cards[-1].unit == "dB"
    assert cards[-1].legend == "Range −∞ to ∞ dB, higher is better; version 1"
    assert [card.decimals for card in cards] == [2, 2, 3, 3, 2]


def test_numbers():
    assert PESQ.number(-0.001, sign=True) == "+0.00"
    assert PESQ.number(-0.25) == "−0.25"
    assert PESQ.number(math.nan) == "–"
    assert PESQ.interval(1.0, math.nan) == ""


def test_what_harms_gets_no_medal_and_what_prints_as_zero_no_verdict(fakes):
    summary = summary_of(PESQ, noisy=1.5, wiener=1.2)
    worse = make_rows(summary, roster_of(fakes, "noisy", "wiener"), [PESQ])[1].cells[0]
    assert (worse.best, worse.verdict) == (False, "worse")
    summary.loc[1, ["delta", "delta_low", "delta_high"]] = [0.001, 0.0005, 0.002]
    same = make_rows(summary, roster_of(fakes, "noisy", "wiener"), [PESQ])[1].cells[0]
    assert (same.delta, same.verdict, same.best) == ("+0.00", "", True)
