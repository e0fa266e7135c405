"""DNSMOS: the package's own numbers, what it does to lengths and levels, and what is not scored."""

import sys

import numpy as np
import pytest

from percepkit.audio.files import read
from percepkit.eval.metrics import load, load_installed, score_all
from percepkit.manifests.demo import demo_folder

REASON = "DNSMOS is not installed (extra learned)"
for package in ("onnxruntime", "librosa", "requests", "speechmos"):
    pytest.importorskip(package, reason=REASON)

RATE = 16_000
NAMES = ["dnsmos_ovrl", "dnsmos_sig", "dnsmos_bak", "dnsmos_p808"]
FILES = sorted((demo_folder() / "speech" / "slt").glob("*.flac"))


@pytest.fixture(scope="module")
def speech():
    """9.2 s: one window, the end is not heard."""
    x = np.concatenate([read(file, channel=0)[0] for file in FILES])[: int(9.2 * RATE)]
    assert len(x) == int(9.2 * RATE)
    return x.astype(np.float64)


@pytest.fixture(scope="module")
def noise(speech):
    return 0.05 * np.random.default_rng(0).standard_normal(len(speech))


def score(estimate, rate=RATE):
    return {name: outcome.value for name, outcome in score_all(NAMES, estimate, estimate, rate).items()}


@pytest.fixture(scope="module")
def clean_scores(speech):
    return score(speech)


def test_values_are_the_packages_own(speech, clean_scores):
    from speechmos import dnsmos

    for signal, found in [(speech, clean_scores), (speech[: 5 * RATE], score(speech[: 5 * RATE]))]:
        expected = dnsmos.run(signal, RATE)
        for name, key in zip(NAMES, ("ovrl_mos", "sig_mos", "bak_mos", "p808_mos"), strict=True):
            assert found[name] == pytest.approx(expected[key], abs=1e-4)


def test_noise_lowers_all_but_most_the_background(speech, noise, clean_scores):
    noisy = score(speech + noise)
    assert all(noisy[name] < clean_scores[name] - 0.3 for name in NAMES)
    assert clean_scores["dnsmos_bak"] - noisy["dnsmos_bak"] > clean_scores["dnsmos_sig"] - noisy["dnsmos_sig"]


def test_the_end_of_a_long_signal_is_not_heard(speech, noise, clean_scores):
    hissing = speech + noise * (np.arange(len(speech)) >= int(9.01 * RATE))
    assert score(hissing) == clean_scores


def test_only_the_opinion_by_p808_does_not_hear_the_level(speech, clean_scores):
    quiet = score(0.1 * speech)
    assert quiet["dnsmos_p808"] == pytest.approx(clean_scores["dnsmos_p808"], abs=1e-3)
    assert abs(quiet["dnsmos_ovrl"] - clean_scores["dnsmos_ovrl"]) > 0.01
    assert load("dnsmos_p808").SPEC.invariances == frozenset()


def test_the_reference_plays_no_role(speech, clean_scores):
    outcome = score_all(NAMES, 0 * speech, speech, RATE)
    assert {name: cell.value for name, cell in outcome.items()} == clean_scores


@pytest.mark.parametrize(
    "change, rate, status",
    [
        (lambda x: 20 * x, RATE, "over_full_scale"),
        (lambda x: 0 * x, RATE, "silent_estimate"),
        (lambda x: x[: RATE - 1], RATE, "too_short"),
        (lambda x: x, 8_000, "rate_mismatch"),
    ],
)
def test_what_is_not_defined_has_a_reason(speech, change, rate, status):
    signal = change(speech)
    assert {outcome.status for outcome in score_all(NAMES, signal, signal, rate).values()} == {status}


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("percepkit.eval.metrics._extra.find_spec", lambda name: None if name == "librosa" else sys)
    with pytest.raises(ValueError, match=r"dnsmos_sig needs librosa, which is not .* 'percepkit\[learned\]'"):
        load_installed("dnsmos_sig")
