"""Metrics of the extra: listed always, computed where their packages are, and named where they are not."""

import pytest

from percepkit.cli.options import wanted_metrics
from percepkit.eval.metrics import HEADLINE, installed, load, load_installed, names, score_all
from percepkit.eval.slices import metric_versions

EXTRA = sorted(name for name in names() if load(name).SPEC.packages)


@pytest.fixture
def bare(monkeypatch):
    """As where the extra is not installed."""
    monkeypatch.setattr("percepkit.eval.metrics._extra.find_spec", lambda name: None)


def test_the_extra_holds_the_learned_scores():
    assert EXTRA == ["dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808", "dnsmos_sig", "wer_clean"]
    assert not set(EXTRA) & set(HEADLINE)


@pytest.mark.usefixtures("bare")
def test_what_is_not_installed_is_refused_with_the_way_to_get_it():
    message = r"wer_clean needs pocketsphinx and jiwer, which are not installed; .* 'percepkit\[learned\]'"
    with pytest.raises(ValueError, match=message):
        load_installed("wer_clean")
    with pytest.raises(ValueError, match=message):
        metric_versions(["si_sdr", "wer_clean"])
    with pytest.raises(ValueError, match=message):
        score_all(["wer_clean"], [1.0], [1.0], 16_000)


@pytest.mark.usefixtures("bare")
def test_all_means_all_that_are_installed_and_says_so(capsys):
    assert wanted_metrics("all") == installed() == sorted(set(names()) - set(EXTRA))
    assert capsys.readouterr().err == (
        "left out: dnsmos_bak, dnsmos_ovrl, dnsmos_p808, dnsmos_sig, wer_clean; "
        "they need pip install 'percepkit[learned]'\n"
    )


def test_all_says_nothing_where_nothing_is_left_out(monkeypatch, capsys):
    monkeypatch.setattr("percepkit.eval.metrics._extra.find_spec", lambda name: name)
    assert wanted_metrics("all") == names()
    assert wanted_metrics("") == list(HEADLINE)
    assert capsys.readouterr().err == ""
